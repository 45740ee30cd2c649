// Runs a graph by a plan, with the interface of ReferenceRun().

#ifndef FLOWGRAD_TESTS_TESTING_PLANNED_RUN_H_
#define FLOWGRAD_TESTS_TESTING_PLANNED_RUN_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "scheduler/plan_options.h"
#include "scheduler/reference_run.h"
#include "scheduler/run_state.h"

namespace flowgrad {

// A plan and a run state over its own states. Every plan made here is put to CheckPlan().
class PlannedRun {
 public:
  static absl::StatusOr<std::unique_ptr<PlannedRun>> Make(
      std::shared_ptr<const Graph> graph, const TensorMap& feeds, const TensorMap& states,
      const std::vector<std::string>& fetches, bool update_states, const PlanOptions& options = {},
      const Workers& workers = Workers());

  // `feeds` are of the types that the plan was made for.
  absl::StatusOr<std::vector<Tensor>> Run(const TensorMap& feeds, const StepValues& values,
                                          const std::atomic<bool>* cancel = nullptr);

  const Plan& plan() const { return *plan_; }
  RunState& run_state() { return *run_; }
  StateStore& states() { return states_; }

 private:
  std::shared_ptr<const Plan> plan_;
  StateStore states_;
  std::unique_ptr<RunState> run_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TESTS_TESTING_PLANNED_RUN_H_
