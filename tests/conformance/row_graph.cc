#include "tests/conformance/row_graph.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace flowgrad {

RowGraph::RowGraph(const Row& row, const std::vector<Tensor>& inputs, const Options& options)
    : builder_(std::make_unique<GraphBuilder>()), mutation_(options.mutation) {
  GraphBuilder& builder = *builder_;
  for (size_t i = 0; i < inputs.size(); ++i) {
    input_names_.emplace_back();
    inputs_.emplace_back();
    if (!inputs[i].present()) continue;
    if (row.inputs[i].is_constant()) {
      inputs_[i] = builder.Constant(inputs[i]);
      continue;
    }
    TensorType type = inputs[i].type();
    if (options.symbols) type.shape = row.inputs[i].shape;
    input_names_[i] = absl::StrCat("x", i);
    inputs_[i] = builder.Input(input_names_[i], type);
  }
  std::vector<Value> read = inputs_;
  if (options.same_input) {
    for (size_t i = 1; i < read.size(); ++i) {
      if (read[0] && read[i] && read[i].type() == read[0].type()) read[i] = read[0];
    }
  }
  outputs_.emplace_back();
  for (int call = 0; call < options.calls; ++call) {
    GraphBuilder::NodeSpec spec;
    spec.name = absl::StrCat("y", call);
    spec.op = row.op;
    spec.inputs = read;
    spec.attributes = row.attributes;
    spec.num_outputs = row.num_outputs;
    spec.stream = kStream;
    for (const Value& y : builder.Add(std::move(spec))) outputs_[0].push_back(y);
  }
}

std::string RowGraph::NameOf(Value value) const {
  return value ? builder_->node(value.node).outputs[value.port].name : "";
}

void RowGraph::Differentiate() {
  GraphBuilder& builder = *builder_;
  std::vector<Value> ys, xs;
  GradientOptions options;
  options.mutation = mutation_;
  const size_t num_inputs = inputs_.size();
  for (const Value& y : std::vector<Value>(outputs_.back())) {
    input_names_.emplace_back();
    inputs_.emplace_back();
    if (!y || !IsFloating(y.type().dtype)) continue;
    input_names_.back() = absl::StrCat("u", input_names_.size());
    inputs_.back() = builder.Input(input_names_.back(), y.type());
    ys.push_back(y);
    options.upstream.push_back(inputs_.back());
  }
  for (size_t i = 0; i < num_inputs; ++i) {
    const bool wanted = !input_names_[i].empty() && IsFloating(inputs_[i].type().dtype);
    xs.push_back(wanted ? inputs_[i] : Value{});
  }
  outputs_.push_back(Gradients(builder, ys, xs, options));
}

absl::Status RowGraph::Build() {
  for (const std::vector<Value>& level : outputs_) {
    output_names_.emplace_back();
    for (const Value& value : level) output_names_.back().push_back(NameOf(value));
  }
  ASSIGN_OR_RETURN(graph_, std::move(*builder_).Build());
  return absl::OkStatus();
}

TensorMap RowGraph::Feeds(const std::vector<Tensor>& inputs) const {
  TensorMap feeds;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!input_names_[i].empty()) feeds[input_names_[i]] = inputs[i];
  }
  return feeds;
}

std::vector<std::string> RowGraph::Fetches(int level) const {
  std::vector<std::string> fetches;
  for (const std::string& name : output_names_[level]) {
    if (!name.empty()) fetches.push_back(name);
  }
  return fetches;
}

absl::StatusOr<std::vector<Tensor>> RowGraph::Run(int level,
                                                  const std::vector<Tensor>& inputs) const {
  TensorMap states;
  ASSIGN_OR_RETURN(const std::vector<Tensor> found,
                   ReferenceRun(graph_, Feeds(inputs), states, Fetches(level), kStepValues));
  std::vector<Tensor> results;
  size_t next = 0;
  for (const std::string& name : output_names_[level])
    results.push_back(name.empty() ? Tensor() : found[next++]);
  return results;
}

absl::StatusOr<std::vector<Tensor>> RunRow(const Row& row, const std::vector<Tensor>& inputs,
                                           bool symbols) {
  RowGraph graph(row, inputs, {.symbols = symbols});
  RETURN_IF_ERROR(graph.Build());
  return graph.Run(0, inputs);
}

}  // namespace flowgrad
