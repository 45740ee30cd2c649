#include "graph/graph_file.h"

#include "base/file.h"
#include "base/status_macros.h"
#include "graph/model_graph.h"
#include "proto/model_file.h"

namespace flowgrad {
namespace {

absl::StatusOr<Graph> GraphOf(const absl::StatusOr<ModelDef>& model, absl::string_view name,
                              const OpRegistry& registry) {
  RETURN_IF_ERROR(model.status());
  absl::StatusOr<Graph> graph = BuildGraph(model->graph(), registry);
  if (graph.ok()) return graph;
  return InFile(name, graph.status());
}

}  // namespace

absl::StatusOr<Graph> ReadGraph(absl::string_view path, const OpRegistry& registry) {
  return GraphOf(ReadModelFile(path), path, registry);
}

absl::StatusOr<Graph> ParseGraph(absl::string_view bytes, absl::string_view name,
                                 const OpRegistry& registry) {
  return GraphOf(ParseModel(bytes, name), name, registry);
}

absl::Status WriteGraph(const Graph& graph, absl::string_view path) {
  ModelDef model;
  model.set_format_version(1);
  *model.mutable_graph() = ToGraphDef(graph);
  return WriteModelFile(model, path);
}

}  // namespace flowgrad
