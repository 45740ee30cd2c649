// The passes: graphs in, graphs out. Each keeps inputs, states, output names and the bits of every
// output.

#ifndef FLOWGRAD_GRAPH_PASSES_PASSES_H_
#define FLOWGRAD_GRAPH_PASSES_PASSES_H_

#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "ops/builtin_ops.h"

namespace flowgrad {

// Drops nodes that no output, update or gradient needs.
//   before  a = Exp(x); b = Tanh(x); output b      after  b = Tanh(x); output b
absl::StatusOr<Graph> RemoveDeadNodes(const Graph& graph,
                                      const OpRegistry& registry = BuiltinOps());

// Makes the graph that trains or the graph that infers: "training_mode" becomes a constant, and ops
// simplify themselves by it (Dropout outside training is nothing).
//   before  d = Dropout(x, ratio, training_mode); y = Relu(d)      after (infers)  y = Relu(x)
absl::StatusOr<Graph> FoldTrainingMode(const Graph& graph, bool training,
                                       const OpRegistry& registry = BuiltinOps());

// Every float becomes a double: inputs, states, constants, casts. For gradient checks.
absl::StatusOr<Graph> ToDouble(const Graph& graph, const OpRegistry& registry = BuiltinOps());

}  // namespace flowgrad

#endif  // FLOWGRAD_GRAPH_PASSES_PASSES_H_
