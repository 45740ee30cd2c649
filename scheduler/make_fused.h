// Elementwise ops of one shape made one op: their FusedProgram, and what a plan needs to know of
// it.

#ifndef FLOWGRAD_SCHEDULER_MAKE_FUSED_H_
#define FLOWGRAD_SCHEDULER_MAKE_FUSED_H_

#include <cstdint>
#include <vector>

#include "scheduler/bound_graph.h"

namespace flowgrad {

// `ops` are places in the graph, ascending; `inputs` all that they read of others, each once;
// `outputs` all of theirs that others read.
BoundOp MakeFused(const BoundGraph& bound, const std::vector<int32_t>& ops,
                  std::vector<Layout> inputs, std::vector<Layout> outputs);

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_MAKE_FUSED_H_
