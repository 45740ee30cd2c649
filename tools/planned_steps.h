// Runs a workload's step by a plan, over and over on the same inputs.

#ifndef FLOWGRAD_TOOLS_PLANNED_STEPS_H_
#define FLOWGRAD_TOOLS_PLANNED_STEPS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ops/kernel.h"
#include "scheduler/memory_limit.h"
#include "scheduler/plan.h"
#include "scheduler/reference_run.h"
#include "scheduler/run_state.h"
#include "scheduler/state_store.h"
#include "scheduler/workers.h"
#include "tools/workload.h"

namespace flowgrad {

// The plan of a workload's step. Errors: those of MakePlan() and CheckMemoryLimit().
absl::StatusOr<std::shared_ptr<const Plan>> PlanWorkload(const Workload& workload,
                                                         const Workers& workers,
                                                         MemoryLimit memory_limit);

class PlannedSteps {
 public:
  // States begin as `seed` draws them. `inputs` has a tensor for each input of the graph.
  static absl::StatusOr<std::unique_ptr<PlannedSteps>> Make(const Workload& workload,
                                                            std::shared_ptr<const Plan> plan,
                                                            const TensorMap& inputs, uint64_t seed,
                                                            const Workers& workers);
  absl::Status Step();

  const std::vector<Tensor>& outputs() const { return outputs_; }
  const StateStore& states() const { return states_; }
  const RunState& run() const { return *run_; }
  void set_observer(StepObserver* observer) { run_->set_observer(observer); }

 private:
  PlannedSteps() = default;

  StateStore states_;
  std::unique_ptr<RunState> run_;
  TensorMap inputs_;
  std::vector<const void*> input_data_;
  std::vector<Tensor> outputs_;
  std::vector<void*> output_data_;
  StepValues values_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TOOLS_PLANNED_STEPS_H_
