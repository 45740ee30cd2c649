// Graphs from model files and into them, for programs that need not see protobuf.

#ifndef FLOWGRAD_GRAPH_GRAPH_FILE_H_
#define FLOWGRAD_GRAPH_GRAPH_FILE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/graph.h"
#include "ops/builtin_ops.h"

namespace flowgrad {

// The graph of a model file, without its training section. Errors are those of proto/model_file.h
// and graph/model_graph.h, each line with the file's name.
absl::StatusOr<Graph> ReadGraph(absl::string_view path, const OpRegistry& registry = BuiltinOps());

// The graph of the model in `bytes`; messages call it `name`.
absl::StatusOr<Graph> ParseGraph(absl::string_view bytes, absl::string_view name,
                                 const OpRegistry& registry = BuiltinOps());

// Writes a model file that ReadGraph() reads back to the same graph: text if `path` ends in
// ".pbtxt", binary otherwise.
absl::Status WriteGraph(const Graph& graph, absl::string_view path);

}  // namespace flowgrad

#endif  // FLOWGRAD_GRAPH_GRAPH_FILE_H_
