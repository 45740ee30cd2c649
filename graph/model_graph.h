// Model file to Graph and back.

#ifndef FLOWGRAD_GRAPH_MODEL_GRAPH_H_
#define FLOWGRAD_GRAPH_MODEL_GRAPH_H_

#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "ops/builtin_ops.h"
#include "proto/model.pb.h"

namespace flowgrad {

// Checks everything that can be known of the graph without running it, and builds it: names, ports,
// cycles, types. Nodes may stand in any order in the file. InvalidArgument with all errors, one a
// line: `node "h2" (Tahn): op "Tahn" is not registered; did you mean "Tanh"?`.
absl::StatusOr<Graph> BuildGraph(const GraphDef& def, const OpRegistry& registry = BuiltinOps());

// The graph as a file; BuildGraph() of it gives the same graph.
GraphDef ToGraphDef(const Graph& graph);

// Tensors in files. `fallback` gives the type where the file leaves it out. Errors: counts, dtypes,
// lists that do not fit.
absl::StatusOr<Tensor> ParseTensor(const TensorDef& def, const TensorType* fallback = nullptr);
TensorDef ToTensorDef(const Tensor& tensor);

}  // namespace flowgrad

#endif  // FLOWGRAD_GRAPH_MODEL_GRAPH_H_
