#include "graph/passes/rewrite.h"

#include <utility>

namespace flowgrad {
namespace {

// Nodes that outputs, next values of states or recorded gradients need.
std::vector<bool> LiveNodes(const Graph& graph) {
  std::vector<bool> live(graph.nodes().size());
  const auto need = [&](ValueId value) {
    if (value.present()) live[value.node] = true;
  };
  for (const GraphOutput& output : graph.outputs()) need(output.value);
  for (const State& state : graph.states()) need(state.next);
  for (const GradientPair& pair : graph.gradients()) need(pair.gradient);
  for (size_t n = graph.nodes().size(); n-- > 0;) {
    if (!live[n]) continue;
    for (const ValueId& input : graph.nodes()[n].inputs) need(input);
  }
  return live;
}

class Copier {
 public:
  Copier(const Graph& graph, const OpRegistry& registry) : graph_(graph), builder_(registry) {
    builder_.SetName(graph.name());
    for (const GraphInput& input : graph.inputs()) inputs_[input.value.node] = &input;
    for (const State& state : graph.states()) states_[state.now.node] = &state;
  }

  absl::StatusOr<Graph> Run(const RewriteRule& rule, const std::vector<bool>& live) {
    for (size_t n = 0; n < graph_.nodes().size(); ++n) {
      // Inputs and states are what callers know a model by: they stay even if nothing reads them.
      const bool is_source = inputs_.count(n) > 0 || states_.count(n) > 0;
      values_.push_back(live[n] || is_source ? CopyOf(static_cast<int>(n), rule)
                                             : std::vector<Value>());
    }
    for (const State& state : graph_.states())
      builder_.Update(Mapped(state.now), Mapped(state.next));
    for (const GraphOutput& output : graph_.outputs())
      builder_.Output(Mapped(output.value), output.name);
    for (const GradientPair& pair : graph_.gradients())
      builder_.Gradient(pair.value, Mapped(pair.gradient));
    return std::move(builder_).Build();
  }

 private:
  Value Mapped(ValueId value) const {
    return value.present() ? values_[value.node][value.port] : Value{};
  }

  std::vector<Value> CopyOf(int n, const RewriteRule& rule) {
    const Node& node = graph_.nodes()[n];
    std::vector<Value> inputs;
    for (const ValueId& input : node.inputs) inputs.push_back(Mapped(input));
    if (rule) {
      builder_.SetOrigin(node.forward, node.rule);
      std::vector<Value> replaced = rule(node, inputs, builder_);
      builder_.SetOrigin("", "");
      if (!replaced.empty()) return replaced;
    }
    if (node.op == nullptr) return {CopyOfSource(n, node)};
    return builder_.Add(SpecOf(node, std::move(inputs)));
  }

  Value CopyOfSource(int n, const Node& node) {
    if (const auto input = inputs_.find(n); input != inputs_.end()) {
      return builder_.Input(node.name, node.outputs[0].type, input->second->default_value);
    }
    const auto found = states_.find(n);
    if (found == states_.end()) return builder_.TrainingMode();
    const State& state = *found->second;
    const std::string type = node.outputs[0].type.ToString();
    return state.trained ? builder_.Parameter(state.name, type, state.init, state.frozen)
                         : builder_.Variable(state.name, type, state.init);
  }

  const Graph& graph_;
  GraphBuilder builder_;
  std::map<size_t, const GraphInput*> inputs_;
  std::map<size_t, const State*> states_;
  std::vector<std::vector<Value>> values_;  // in the new graph, by old node and port
};

}  // namespace

GraphBuilder::NodeSpec SpecOf(const Node& node, std::vector<Value> inputs) {
  GraphBuilder::NodeSpec spec;
  spec.name = node.name;
  spec.op = node.op->name();
  spec.inputs = std::move(inputs);
  spec.attributes = node.attributes;
  spec.num_outputs = static_cast<int>(node.outputs.size());
  for (const Node::Output& output : node.outputs) spec.output_names.push_back(output.name);
  spec.forward = node.forward;
  spec.rule = node.rule;
  spec.stream = node.stream;
  return spec;
}

absl::StatusOr<Graph> Rewrite(const Graph& graph, const RewriteRule& rule,
                              const OpRegistry& registry) {
  return Copier(graph, registry).Run(rule, LiveNodes(graph));
}

}  // namespace flowgrad
