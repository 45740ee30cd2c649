// Graphs to model files.

#include "graph/def_conversions.h"
#include "graph/model_graph.h"
#include "ops/run_op.h"

namespace flowgrad {

GraphDef ToGraphDef(const Graph& graph) {
  GraphDef def;
  def.set_name(graph.name());
  for (const GraphInput& input : graph.inputs()) {
    InputDef* out = def.add_input();
    out->set_name(input.name);
    out->set_type(graph.type(input.value).ToString());
    if (input.default_value.present()) *out->mutable_value() = ToTensorDef(input.default_value);
  }
  for (const State& state : graph.states()) {
    VariableDef* out = state.trained ? def.add_parameter() : def.add_variable();
    out->set_name(state.name);
    out->set_type(graph.type(state.now).ToString());
    *out->mutable_init() = ToInitializerDef(state.init);
    out->set_frozen(state.frozen);
    if (!state.next.present()) continue;
    UpdateDef* update = def.add_update();
    update->set_variable(state.name);
    update->set_value(graph.value_name(state.next));
  }
  for (const Node& node : graph.nodes()) {
    if (node.op == nullptr) continue;
    NodeDef* out = def.add_node();
    out->set_name(node.name);
    out->set_op(node.op->name());
    for (const ValueId& input : node.inputs)
      out->add_input(input.present() ? graph.value_name(input) : "");
    const bool plain = node.outputs.size() == 1 && node.outputs[0].name == node.name;
    for (size_t i = 0; !plain && i < node.outputs.size(); ++i)
      out->add_output(node.outputs[i].name);
    SetAttributes(node, out);
    out->set_forward(node.forward);
    out->set_rule(node.rule);
    if (node.op->random() || node.stream != StreamOf(node.name)) out->set_stream(node.stream);
  }
  for (const GraphOutput& output : graph.outputs()) {
    def.add_output(output.name);
    if (output.name == graph.value_name(output.value)) continue;
    // A pass has put another value in the place of the one that had this name.
    NodeDef* identity = def.add_node();
    identity->set_name(output.name);
    identity->set_op("Identity");
    identity->add_input(graph.value_name(output.value));
  }
  for (const GradientPair& pair : graph.gradients()) {
    GradientDef* out = def.add_gradient();
    out->set_value(pair.value);
    out->set_gradient(graph.value_name(pair.gradient));
  }
  return def;
}

}  // namespace flowgrad
