#include "graph/passes/passes.h"
#include "graph/passes/rewrite.h"

namespace flowgrad {

absl::StatusOr<Graph> RemoveDeadNodes(const Graph& graph, const OpRegistry& registry) {
  return Rewrite(graph, nullptr, registry);
}

}  // namespace flowgrad
