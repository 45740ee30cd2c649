#include <algorithm>

#include "base/status_macros.h"
#include "graph/passes/passes.h"
#include "graph/passes/rewrite.h"

namespace flowgrad {
namespace {

// What the op's Simplify() puts in the node's place; empty if it leaves the node as it is.
std::vector<Value> Simplified(const Node& node, const std::vector<Value>& inputs,
                              GraphBuilder& builder) {
  if (node.op == nullptr || node.op->simplify() == nullptr) return {};
  const int num_outputs = static_cast<int>(node.outputs.size());
  GraphBuilder::NodeShapes shapes(builder, node.op, &node.attributes, inputs, num_outputs);
  if (!node.op->InferShapes(shapes.context()).ok()) return {};
  CompositionContext context(&builder, &shapes.context(), inputs);
  if (!node.op->simplify()(context).ok()) return {};
  for (int i = 0; i < num_outputs; ++i) {
    if (!node.outputs[i].name.empty() && !context.outputs()[i]) return {};
  }
  return context.outputs();
}

}  // namespace

absl::StatusOr<Graph> FoldTrainingMode(const Graph& graph, bool training,
                                       const OpRegistry& registry) {
  const auto rule = [&](const Node& node, const std::vector<Value>& inputs,
                        GraphBuilder& builder) -> std::vector<Value> {
    if (node.op == nullptr && node.name == kTrainingMode) {
      return {builder.Constant(Tensor::Scalar<bool>(training)).As(kTrainingMode)};
    }
    return Simplified(node, inputs, builder);
  };
  ASSIGN_OR_RETURN(const Graph folded, Rewrite(graph, rule, registry));
  return RemoveDeadNodes(folded, registry);
}

}  // namespace flowgrad
