#include "tests/testing/planned_run.h"

#include <utility>

#include "base/status_macros.h"
#include "scheduler/check_plan.h"
#include "scheduler/planner.h"

namespace flowgrad {

absl::StatusOr<std::unique_ptr<PlannedRun>> PlannedRun::Make(
    std::shared_ptr<const Graph> graph, const TensorMap& feeds, const TensorMap& states,
    const std::vector<std::string>& fetches, bool update_states, const PlanOptions& options,
    const Workers& workers) {
  FedTypes types;
  for (const auto& [name, tensor] : feeds) types[name] = tensor.type();
  auto planned = std::make_unique<PlannedRun>();
  ASSIGN_OR_RETURN(planned->plan_,
                   MakePlan(std::move(graph), types, fetches, update_states, options));
  RETURN_IF_ERROR(CheckPlan(*planned->plan_));
  planned->states_.Set(states);
  ASSIGN_OR_RETURN(planned->run_, RunState::Make(planned->plan_, &planned->states_, workers));
  return planned;
}

absl::StatusOr<std::vector<Tensor>> PlannedRun::Run(const TensorMap& feeds,
                                                    const StepValues& values,
                                                    const std::atomic<bool>* cancel) {
  std::vector<Tensor> inputs, outputs;
  std::vector<const void*> input_pointers;
  std::vector<void*> output_pointers;
  for (const Plan::Slot& slot : plan_->inputs) {
    inputs.push_back(feeds.at(plan_->graph->inputs()[slot.index].name).Contiguous());
    input_pointers.push_back(inputs.back().bytes());
  }
  for (const Plan::Slot& slot : plan_->outputs) {
    outputs.emplace_back(slot.dtype, slot.dims);
    output_pointers.push_back(outputs.back().bytes());
  }
  RETURN_IF_ERROR(run_->Run(input_pointers, output_pointers, values, cancel));
  return outputs;
}

}  // namespace flowgrad
