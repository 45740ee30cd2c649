// Runs a graph node by node on whole tensors, on the calling thread, without a plan.
//
// This is the oracle: every executor of every plan must give these bits.

#ifndef FLOWGRAD_SCHEDULER_REFERENCE_RUN_H_
#define FLOWGRAD_SCHEDULER_REFERENCE_RUN_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "ops/kernel.h"
#include "ops/tensor.h"
#include "scheduler/feeds.h"
#include "scheduler/memory_limit.h"

namespace flowgrad {

// Every variable's first value, by name. Errors name the variable; those of CheckStatesLimit().
absl::StatusOr<TensorMap> InitializeStates(const Graph& graph, uint64_t seed,
                                           MemoryLimit memory_limit = {});

// Runs the nodes that `fetches` (names of values or outputs) and, with `update_states`, the next
// values of states need.
//
// `feeds` gives inputs by name; inputs with a default value may be left out. A symbol takes the
// number that the fed tensors have in its place. States are read from `states` and, after every
// node succeeded, set to their next values; after an error they are as they were. Errors name the
// node: InvalidArgument or NotFound for what is fed and fetched, whatever a kernel says otherwise.
//
// REQUIRES: "training_mode" is folded (graph/passes/passes.h), or fed
absl::StatusOr<std::vector<Tensor>> ReferenceRun(const Graph& graph, const TensorMap& feeds,
                                                 TensorMap& states,
                                                 const std::vector<std::string>& fetches,
                                                 const StepValues& values,
                                                 bool update_states = false);

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_REFERENCE_RUN_H_
