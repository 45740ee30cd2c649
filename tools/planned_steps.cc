#include "tools/planned_steps.h"

#include <utility>

#include "absl/types/span.h"
#include "base/status_macros.h"
#include "scheduler/plan_memory.h"
#include "scheduler/planner.h"

namespace flowgrad {

absl::StatusOr<std::shared_ptr<const Plan>> PlanWorkload(const Workload& workload,
                                                         const Workers& workers,
                                                         MemoryLimit memory_limit) {
  ASSIGN_OR_RETURN(
      std::shared_ptr<const Plan> plan,
      MakePlan(workload.graph, workload.types, workload.fetches, workload.update_states));
  RETURN_IF_ERROR(CheckMemoryLimit(*plan, workers.threads(), memory_limit));
  return plan;
}

absl::StatusOr<std::unique_ptr<PlannedSteps>> PlannedSteps::Make(const Workload& workload,
                                                                 std::shared_ptr<const Plan> plan,
                                                                 const TensorMap& inputs,
                                                                 uint64_t seed,
                                                                 const Workers& workers) {
  std::unique_ptr<PlannedSteps> steps(new PlannedSteps);
  steps->values_.seed = seed;
  steps->inputs_ = inputs;
  ASSIGN_OR_RETURN(TensorMap states, InitializeStates(*workload.graph, seed));
  steps->states_.Take(std::move(states));
  ASSIGN_OR_RETURN(steps->run_, RunState::Make(plan, &steps->states_, workers));
  for (const Plan::Slot& slot : plan->inputs) {
    const Tensor& input = steps->inputs_.find(workload.graph->inputs()[slot.index].name)->second;
    steps->input_data_.push_back(input.bytes());
  }
  for (const Plan::Slot& slot : plan->outputs) {
    steps->outputs_.emplace_back(slot.dtype, slot.dims);
    steps->output_data_.push_back(steps->outputs_.back().bytes());
  }
  return steps;
}

absl::Status PlannedSteps::Step() {
  RETURN_IF_ERROR(run_->Run(input_data_, absl::MakeSpan(output_data_), values_));
  ++values_.step;
  return absl::OkStatus();
}

}  // namespace flowgrad
