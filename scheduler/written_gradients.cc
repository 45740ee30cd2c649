#include "scheduler/written_gradients.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "graph/autodiff.h"
#include "graph/graph_builder.h"
#include "graph/passes/passes.h"

namespace flowgrad {
namespace {

constexpr double kTolerance = 1e-6;
constexpr double kSmallest = 1e-9;  // beside what is relative
constexpr double kFloor = 0.001;    // of the tensor's largest derived gradient

TensorMap Widened(const TensorMap& tensors) {
  TensorMap wide;
  for (const auto& [name, tensor] : tensors) {
    wide[name] = tensor.dtype() == DType::kFloat ? tensor.Cast(DType::kDouble) : tensor;
  }
  return wide;
}

// What was differentiated. Differentiation leaves a mark: the node at which it begins has the rule
// "1" and names y.
absl::StatusOr<std::vector<ValueId>> Differentiated(const Graph& graph,
                                                    const std::vector<std::string>& ys) {
  std::vector<ValueId> values;
  for (const Node& node : graph.nodes()) {
    const ValueId y = node.rule == "1" ? graph.Find(node.forward) : ValueId();
    if (y.present() && std::find(values.begin(), values.end(), y) == values.end()) {
      values.push_back(y);
    }
  }
  if (!values.empty()) return values;
  for (const std::string& name : ys) {
    ASSIGN_OR_RETURN(const ValueId y, FindFetch(graph, name));
    const bool written = std::any_of(graph.gradients().begin(), graph.gradients().end(),
                                     [&](const GradientPair& pair) { return pair.gradient == y; });
    if (!written) values.push_back(y);
  }
  return values;
}

// `derived` is absent if the loss does not depend on the value.
void Compare(const Tensor& written, const Tensor& derived, WrittenGradient& result) {
  result.dims = written.dims();
  const int64_t count = written.num_elements();
  const auto derived_at = [&](int64_t i) { return derived.present() ? derived.at(i) : 0; };
  double largest = 0, worst = -1;
  for (int64_t i = 0; i < count; ++i) largest = std::max(largest, std::fabs(derived_at(i)));
  for (int64_t i = 0; i < count; ++i) {
    const double w = written.at(i), d = derived_at(i);
    const double allowed =
        kTolerance * std::max({std::fabs(w), std::fabs(d), kFloor * largest}) + kSmallest;
    const double error = std::fabs(w - d) / allowed;
    // Of elements that are equally far but for rounding, the first.
    if (error <= worst * (1 + 1e-9) || std::isnan(worst)) continue;
    worst = error;
    result.worst_element = i;
    result.written = w;
    result.derived = d;
    result.ok = error <= 1;
  }
}

}  // namespace

absl::StatusOr<std::vector<WrittenGradient>> CompareWrittenGradients(
    const Graph& graph, const std::vector<std::string>& ys, const TensorMap& feeds,
    const TensorMap& states, const StepValues& values, const OpRegistry& registry) {
  ASSIGN_OR_RETURN(const Graph wide, ToDouble(graph, registry));
  ASSIGN_OR_RETURN(const std::vector<ValueId> y_ids, Differentiated(wide, ys));
  GraphBuilder builder(wide, registry);
  const auto value_of = [&](ValueId id) { return Value{&builder, id.node, id.port}; };
  const auto name_of = [&](Value value) {
    return builder.node(value.node).outputs[value.port].name;
  };
  std::vector<Value> y_values, xs;
  for (const ValueId& y : y_ids) y_values.push_back(value_of(y));
  for (const GradientPair& pair : wide.gradients()) {
    ASSIGN_OR_RETURN(const ValueId x, FindFetch(wide, pair.value));
    if (wide.type(x) != wide.type(pair.gradient)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "gradient of ", Quoted(pair.value), ": must have the type ", wide.type(x).ToString(),
          " of that value, but ", Quoted(wide.value_name(pair.gradient)), " has ",
          wide.type(pair.gradient).ToString()));
    }
    xs.push_back(value_of(x));
  }
  const std::vector<Value> derived = Gradients(builder, y_values, xs);
  std::vector<std::string> fetches;
  for (size_t i = 0; i < xs.size(); ++i) {
    fetches.push_back(wide.value_name(wide.gradients()[i].gradient));
    if (derived[i]) fetches.push_back(name_of(derived[i]));
  }
  ASSIGN_OR_RETURN(const Graph both, std::move(builder).Build());
  TensorMap wide_states = Widened(states);
  ASSIGN_OR_RETURN(const std::vector<Tensor> tensors,
                   ReferenceRun(both, Widened(feeds), wide_states, fetches, values));
  std::vector<WrittenGradient> results;
  for (size_t i = 0, next = 0; i < xs.size(); ++i) {
    const GradientPair& pair = wide.gradients()[i];
    WrittenGradient& result = results.emplace_back();
    result.value = pair.value;
    result.gradient = wide.value_name(pair.gradient);
    const Tensor& written = tensors[next++];
    Compare(written, derived[i] ? tensors[next++] : Tensor(), result);
  }
  return results;
}

std::string IndexText(const Dims& dims, int64_t element) {
  Dims index(dims.size());
  for (size_t d = dims.size(); d-- > 0;) {
    index[d] = element % dims[d];
    element /= dims[d];
  }
  return DimsString(index);
}

std::string WrongGradientText(const WrittenGradient& gradient) {
  const std::string at =
      gradient.dims.empty()
          ? ""
          : absl::StrCat(" at ", IndexText(gradient.dims, gradient.worst_element));
  return absl::StrCat("gradient of ", Quoted(gradient.value), at, " must be ",
                      absl::StrFormat("%.8g", gradient.derived), ", but ",
                      Quoted(gradient.gradient), " in the file is ",
                      absl::StrFormat("%.8g", gradient.written));
}

}  // namespace flowgrad
