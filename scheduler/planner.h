// Makes plans.
//
//   bind shapes, fold constants      scheduler/bound_graph.h
//   pack weights, find homes         scheduler/lower.h
//   cut                              scheduler/cuts.h
//   steps, order, tasks              scheduler/draft.h
//   memory                           scheduler/memory_layout.h

#ifndef FLOWGRAD_SCHEDULER_PLANNER_H_
#define FLOWGRAD_SCHEDULER_PLANNER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "scheduler/bound_graph.h"
#include "scheduler/plan.h"
#include "scheduler/plan_options.h"

namespace flowgrad {

// The plan of a run that is fed `fed` and gives `fetches`, and, with `update_states`, the next
// values of states. Errors: those of BindGraph(), and InvalidArgument if the plan needs more memory
// than the machine has.
//
// REQUIRES: "training_mode" is folded
absl::StatusOr<std::shared_ptr<const Plan>> MakePlan(std::shared_ptr<const Graph> graph,
                                                     const FedTypes& fed,
                                                     const std::vector<std::string>& fetches,
                                                     bool update_states,
                                                     const PlanOptions& options = {});

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_PLANNER_H_
