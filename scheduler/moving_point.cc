#include "scheduler/moving_point.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "ops/run_op.h"

namespace flowgrad {

absl::StatusOr<MovingPoint> MovingPoint::Make(const Graph& graph, std::vector<ValueId> ys,
                                              const TensorMap& sources, const StepValues& values) {
  MovingPoint point(graph, std::move(ys), values);
  for (size_t n = 0; n < graph.nodes().size(); ++n) {
    const Node& node = graph.nodes()[n];
    if (node.op == nullptr) {
      const auto source = sources.find(node.name);
      if (source != sources.end()) point.values_[n] = {source->second};
    } else if (point.needed_[n]) {
      ASSIGN_OR_RETURN(point.values_[n], point.RunNode(n, point.values_));
    }
  }
  return point;
}

MovingPoint::MovingPoint(const Graph& graph, std::vector<ValueId> ys, const StepValues& values)
    : graph_(&graph), ys_(std::move(ys)), step_values_(values), values_(graph.nodes().size()) {
  needed_.resize(graph.nodes().size());
  for (const Node& node : graph.nodes()) read_.emplace_back(node.outputs.size());
  for (const ValueId& y : ys_) Need(y);
  for (size_t n = needed_.size(); n-- > 0;) {
    if (!needed_[n]) continue;
    for (const ValueId& input : graph.nodes()[n].inputs) {
      if (input.present()) Need(input);
    }
  }
}

void MovingPoint::Need(ValueId value) {
  needed_[value.node] = true;
  read_[value.node][value.port] = true;
}

absl::StatusOr<TensorList> MovingPoint::RunNode(size_t n,
                                                const std::vector<TensorList>& values) const {
  const Node& node = graph_->nodes()[n];
  TensorList inputs;
  for (const ValueId& input : node.inputs) {
    inputs.push_back(input.present() ? values[input.node][input.port] : Tensor());
  }
  ASSIGN_OR_RETURN(const OpCall call, OpCall::Make(node.op, &node.attributes, std::move(inputs),
                                                   static_cast<int>(node.outputs.size())));
  return call.Run(step_values_, node.stream, &read_[n]);
}

absl::StatusOr<TensorList> MovingPoint::Ys(ValueId source, const Tensor& moved) const {
  std::vector<TensorList> values = values_;
  values[source.node] = {moved};
  std::vector<bool> changed(values.size());
  changed[source.node] = true;
  for (size_t n = source.node + 1; n < values.size(); ++n) {
    const std::vector<ValueId>& inputs = graph_->nodes()[n].inputs;
    changed[n] = needed_[n] && std::any_of(inputs.begin(), inputs.end(), [&](ValueId input) {
                   return input.present() && changed[input.node];
                 });
    if (!changed[n]) continue;
    ASSIGN_OR_RETURN(values[n], RunNode(n, values));
  }
  TensorList ys;
  for (const ValueId& y : ys_) ys.push_back(values[y.node][y.port]);
  return ys;
}

}  // namespace flowgrad
