#include "graph/passes/passes.h"
#include "graph/passes/rewrite.h"

namespace flowgrad {
namespace {

DType Widened(DType dtype) { return dtype == DType::kFloat ? DType::kDouble : dtype; }

Tensor Widened(const Tensor& tensor) {
  return tensor.present() ? tensor.Cast(Widened(tensor.dtype())) : tensor;
}

}  // namespace

absl::StatusOr<Graph> ToDouble(const Graph& graph, const OpRegistry& registry) {
  const auto rule = [&](const Node& node, const std::vector<Value>& inputs,
                        GraphBuilder& builder) -> std::vector<Value> {
    if (node.op == nullptr) {
      const TensorType type{Widened(node.outputs[0].type.dtype), node.outputs[0].type.shape};
      for (const GraphInput& input : graph.inputs()) {
        if (input.name == node.name)
          return {builder.Input(node.name, type, Widened(input.default_value))};
      }
      for (const State& state : graph.states()) {
        if (state.name != node.name) continue;
        Initializer init = state.init;
        init.value = Widened(init.value);
        return {state.trained ? builder.Parameter(state.name, type.ToString(), init, state.frozen)
                              : builder.Variable(state.name, type.ToString(), init)};
      }
      return {};
    }
    GraphBuilder::NodeSpec spec = SpecOf(node, inputs);
    for (const Attributes::Entry& entry : node.attributes.entries()) {
      if (const Tensor* tensor = std::get_if<Tensor>(&entry.second))
        spec.attributes.Set(entry.first, Widened(*tensor));
    }
    if (node.op->name() == "Cast" && node.attributes.String("to") == "float")
      spec.attributes.Set("to", "double");
    return builder.Add(std::move(spec));
  };
  return Rewrite(graph, rule, registry);
}

}  // namespace flowgrad
