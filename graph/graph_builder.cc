#include "graph/graph_builder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/text.h"
#include "ops/run_op.h"

namespace flowgrad {
namespace {

constexpr size_t kLongestName = 1024;

// An absent value that stands for a mistake already reported, as opposed to an optional input left
// out.
Value Poison(Builder* builder) { return Value{builder}; }
bool IsPoison(const Value& value) { return value.builder != nullptr && value.node < 0; }

bool IsName(absl::string_view name) {
  return !name.empty() && name.size() <= kLongestName && IsUtf8(name) &&
         std::none_of(name.begin(), name.end(), [](char c) {
           return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == 0x7F;
         });
}

// The names of a node's outputs: those given, and name, name:1, ... for the rest.
std::vector<std::string> OutputNames(const std::string& name, const std::vector<std::string>& given,
                                     int count) {
  std::vector<std::string> names = given;
  for (int i = static_cast<int>(given.size()); i < count; ++i) {
    names.push_back(i == 0 ? name : absl::StrCat(name, ":", i));
  }
  return names;
}

}  // namespace

GraphBuilder::NodeShapes::NodeShapes(const GraphBuilder& builder, const OpDef* op,
                                     const Attributes* attributes, const std::vector<Value>& inputs,
                                     int num_outputs)
    : dims_(inputs.size()) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value& input = inputs[i];
    types_.push_back(input ? &builder.type(input) : nullptr);
    constants_.push_back(input ? builder.constant(input) : nullptr);
    if (constants_[i] != nullptr) {
      dims_[i] = DimsValueOf(*constants_[i]);
    } else if (input && input.port == 0) {
      const auto known = builder.dims_values_.find(input.node);
      if (known != builder.dims_values_.end()) dims_[i] = known->second;
    }
  }
  for (const auto& dims : dims_) dims_pointers_.push_back(dims ? &*dims : nullptr);
  context_.emplace(op, attributes, ShapeContext::Inputs{types_, constants_, dims_pointers_},
                   num_outputs);
}

GraphBuilder::GraphBuilder(const OpRegistry& registry) : registry_(registry) {
  if (!registry.status().ok()) AddError(std::string(registry.status().message()));
}

GraphBuilder::GraphBuilder(const Graph& graph, const OpRegistry& registry)
    : registry_(registry), graph_(graph), nodes_(graph.nodes_.begin(), graph.nodes_.end()) {
  graph_.nodes_.clear();
  for (const ValueId value : graph_.by_name_) values_.emplace(graph.value_name(value), value);
  for (const GraphOutput& output : graph_.outputs_) output_names_.insert(output.name);
  has_outputs_ = true;
  for (int n = 0; n < num_nodes(); ++n) {
    const Node& node = nodes_[n];
    if (node.op == nullptr) continue;
    std::vector<Value> inputs;
    for (const ValueId& input : node.inputs) {
      inputs.push_back(input.present() ? Value{this, input.node, input.port} : Value{});
    }
    NodeShapes shapes(*this, node.op, &node.attributes, inputs,
                      static_cast<int>(node.outputs.size()));
    if (node.op->InferShapes(shapes.context()).ok() && shapes.context().output_dims_value()) {
      dims_values_[n] = *shapes.context().output_dims_value();
    }
  }
}

void GraphBuilder::AddError(std::string message) {
  if (errors_.size() >= kMostErrors) return;
  if (std::find(errors_.begin(), errors_.end(), message) == errors_.end()) {
    errors_.push_back(std::move(message));
  }
}

std::string GraphBuilder::Scoped(absl::string_view name) const {
  return absl::StrCat(scope_, name);
}

std::string GraphBuilder::UniqueName(absl::string_view base) {
  std::string name(base);
  int& number = next_number_[name];
  while (values_.count(name) > 0) name = absl::StrCat(base, "_", ++number);
  return name;
}

bool GraphBuilder::Claim(const std::string& name, ValueId value, absl::string_view what) {
  if (!IsName(name)) {
    AddError(absl::StrCat(what, ": name ", Quoted(name), " must be 1 to ", kLongestName,
                          " bytes of UTF-8 without spaces, quotes and control characters"));
    return false;
  }
  const auto [place, is_new] = values_.emplace(name, value);
  if (is_new) return true;
  AddError(
      absl::StrCat(what, ": name ", Quoted(name), " is taken by ",
                   nodes_[place->second.node].op == nullptr ? "an input or variable" : "a node",
                   "; names must be unique in a graph"));
  return false;
}

Value GraphBuilder::AddSource(absl::string_view name, TensorType type) {
  const ValueId id{num_nodes(), 0};
  const std::string full = Scoped(name);
  if (!Claim(full, id, absl::StrCat("value ", Quoted(full)))) return Poison(this);
  Node node;
  node.name = full;
  node.stream = StreamOf(full);
  node.outputs = {{full, std::move(type)}};
  nodes_.push_back(std::move(node));
  return {this, id.node, 0};
}

Value GraphBuilder::Input(absl::string_view name, absl::string_view type_text,
                          Tensor default_value) {
  absl::StatusOr<TensorType> type = ParseTensorType(type_text);
  if (!type.ok()) {
    AddError(absl::StrCat("input ", Quoted(name), ": ", type.status().message()));
    return Poison(this);
  }
  return Input(name, *std::move(type), std::move(default_value));
}

Value GraphBuilder::Input(absl::string_view name, TensorType type, Tensor default_value) {
  if (name == kTrainingMode) {
    AddError(absl::StrCat("input ", Quoted(name),
                          ": this name is kept for the engine; use it without declaring it"));
    return Poison(this);
  }
  const Value value = AddSource(name, std::move(type));
  if (value)
    graph_.inputs_.push_back({nodes_[value.node].name, {value.node, 0}, std::move(default_value)});
  return value;
}

Value GraphBuilder::TrainingMode() {
  const Value known = Find(kTrainingMode);
  if (known) return known;
  const std::string scope = std::exchange(scope_, "");
  const Value value = AddSource(kTrainingMode, TensorType{DType::kBool, {}});
  scope_ = scope;
  return value;
}

Value GraphBuilder::AddState(absl::string_view name, absl::string_view type_text, Initializer init,
                             bool trained, bool frozen) {
  const std::string what = absl::StrCat(trained ? "parameter " : "variable ", Quoted(name));
  absl::StatusOr<TensorType> type = ParseTensorType(type_text);
  if (!type.ok()) {
    AddError(absl::StrCat(what, ": ", type.status().message()));
    return Poison(this);
  }
  if (!IsKnown(type->shape)) {
    AddError(absl::StrCat(what, ": type must have no symbols, but is ", Quoted(type_text)));
    return Poison(this);
  }
  if (trained && !IsFloating(type->dtype)) {
    AddError(absl::StrCat(what, ": a parameter must be float or double, but is ",
                          DTypeName(type->dtype)));
    return Poison(this);
  }
  const Value value = AddSource(name, *std::move(type));
  if (!value) return value;
  const ValueId id{value.node, 0};
  graph_.states_.push_back({nodes_[id.node].name, id, {}, std::move(init), trained, frozen});
  return value;
}

Value GraphBuilder::Parameter(absl::string_view name, absl::string_view type, Initializer init,
                              bool frozen) {
  return AddState(name, type, std::move(init), /*trained=*/true, frozen);
}

Value GraphBuilder::Variable(absl::string_view name, absl::string_view type, Initializer init) {
  return AddState(name, type, std::move(init), /*trained=*/false, /*frozen=*/false);
}

void GraphBuilder::Update(Value variable, Value next) {
  if (!variable || !next) return;
  // States are in the order of their nodes.
  const auto state =
      std::partition_point(graph_.states_.begin(), graph_.states_.end(),
                           [&](const State& other) { return other.now.node < variable.node; });
  const std::string what = absl::StrCat("update of ", Quoted(nodes_[variable.node].name));
  if (state == graph_.states_.end() || state->now.node != variable.node) {
    AddError(absl::StrCat(what, ": is no parameter or variable"));
  } else if (state->next.present()) {
    AddError(absl::StrCat(what, ": is given twice"));
  } else if (type(next) != type(variable)) {
    AddError(absl::StrCat(what, ": the next value must have type ", type(variable).ToString(),
                          ", but has ", type(next).ToString()));
  } else {
    state->next = {next.node, next.port};
  }
}

void GraphBuilder::Output(Value value, absl::string_view name) {
  has_outputs_ = true;
  if (!value) return;
  const std::string output =
      name.empty() ? nodes_[value.node].outputs[value.port].name : std::string(name);
  if (!output_names_.insert(output).second) {
    AddError(absl::StrCat("output ", Quoted(output), ": is given twice"));
    return;
  }
  graph_.outputs_.push_back({output, {value.node, value.port}});
}

void GraphBuilder::Gradient(absl::string_view value, Value gradient) {
  if (gradient) graph_.gradients_.push_back({std::string(value), {gradient.node, gradient.port}});
}

GraphBuilder::ScopeGuard GraphBuilder::Scope(absl::string_view name) {
  std::string outer = scope_;
  scope_ = absl::StrCat(scope_, name, "/");
  return ScopeGuard(this, std::move(outer));
}

std::string GraphBuilder::Where(const NodeSpec& spec) const {
  if (!composed_node_.empty()) return composed_node_;
  return absl::StrCat("node ", Quoted(spec.name), " (", Escaped(spec.op.substr(0, 80)), ")");
}

std::vector<Value> GraphBuilder::Add(NodeSpec spec) {
  if (intercept_) {
    const auto intercept = intercept_;  // it may take itself out
    intercept(spec);
  }
  const std::vector<Value> poison(spec.num_outputs, Poison(this));
  spec.name = spec.name.empty() ? UniqueName(Scoped(spec.op)) : Scoped(spec.name);
  const OpDef* op = registry_.Find(spec.op);
  if (op == nullptr) {
    AddError(absl::StrCat(Where(spec), ": op ", Quoted(spec.op), " is not registered",
                          DidYouMean(spec.op, registry_.Names())));
    return poison;
  }
  for (const Value& input : spec.inputs) {
    if (IsPoison(input)) return poison;
    if (input.builder != nullptr && input.builder != this) {
      AddError(absl::StrCat(Where(spec), ": an input is a value of another graph"));
      return poison;
    }
  }
  if (absl::Status status = op->CompleteAttributes(spec.attributes); !status.ok()) {
    AddError(absl::StrCat(Where(spec), ": ", status.message()));
    return poison;
  }
  while (!spec.inputs.empty() && spec.inputs.back().builder == nullptr) spec.inputs.pop_back();
  NodeShapes shapes(*this, op, &spec.attributes, spec.inputs, spec.num_outputs);
  if (absl::Status status = op->InferShapes(shapes.context()); !status.ok()) {
    AddError(absl::StrCat(Where(spec), ": ", status.message()));
    return poison;
  }
  for (int i = 0; i < spec.num_outputs; ++i) {
    const SymbolicShape& shape = shapes.context().output(i).shape;
    if (shape.size() > kMaxRank || (IsKnown(shape) && NumElements(KnownDims(shape)) < 0)) {
      AddError(absl::StrCat(Where(spec), ": output ", Quoted(op->output_port(i).name),
                            " would have shape ", ShapeString(shape), ": rank must be at most ",
                            kMaxRank, " and elements must be countable"));
      return poison;
    }
  }
  const ShapeContext& context = shapes.context();
  if (op->body() == OpDef::Body::kComposed) return Expand(*op, spec, context);
  return Append(*op, spec, context);
}

std::vector<Value> GraphBuilder::Append(const OpDef& op, NodeSpec& spec,
                                        const ShapeContext& shapes) {
  const int id = num_nodes();
  Node node;
  node.name = spec.name;
  node.op = &op;
  node.forward = spec.forward.empty() ? forward_ : spec.forward;
  node.rule = spec.rule.empty() ? rule_ : spec.rule;
  node.stream = spec.stream.value_or(StreamOf(spec.name));
  for (const Value& input : spec.inputs) node.inputs.push_back({input.node, input.port});
  const std::vector<std::string> names =
      OutputNames(spec.name, spec.output_names, spec.num_outputs);
  std::vector<Value> values;
  nodes_.push_back(std::move(node));
  Node& added = nodes_.back();
  added.outputs.resize(spec.num_outputs);
  for (int i = 0; i < spec.num_outputs; ++i) {
    const bool left_out = names[i].empty();
    if (left_out && !op.output_port(i).optional) {
      AddError(absl::StrCat(Where(spec), ": output ", Quoted(op.output_port(i).name),
                            " cannot be left out"));
    }
    added.outputs[i] = {names[i], shapes.output(i)};
    const bool claimed = left_out || Claim(names[i], {id, i}, Where(spec));
    values.push_back(claimed ? Value{this, id, i} : Poison(this));
  }
  if (shapes.output_dims_value()) dims_values_[id] = *shapes.output_dims_value();
  added.attributes = std::move(spec.attributes);
  return values;
}

std::vector<Value> GraphBuilder::Expand(const OpDef& op, const NodeSpec& spec,
                                        const ShapeContext& shapes) {
  const std::vector<std::string> names =
      OutputNames(spec.name, spec.output_names, spec.num_outputs);
  const int first_new = num_nodes();
  const std::string outer_scope = std::exchange(scope_, absl::StrCat(spec.name, "/"));
  const std::string outer_node = composed_node_;
  if (composed_node_.empty()) composed_node_ = Where(spec);
  const std::string where = composed_node_;
  CompositionContext context(this, &shapes, spec.inputs);
  const size_t errors_before = errors_.size();
  if (absl::Status status = op.composition()(context); !status.ok()) {
    AddError(absl::StrCat(where, ": ", status.message()));
  }
  std::vector<Value> values(spec.num_outputs, Poison(this));
  std::vector<Value> taken;
  for (int i = 0; i < spec.num_outputs && errors_.size() == errors_before; ++i) {
    if (names[i].empty()) continue;
    Value value = context.outputs()[i];
    if (!value || type(value) != shapes.output(i)) {
      AddError(absl::StrCat(where, ": internal: composition of ", op.name(), " gives ",
                            value ? type(value).ToString() : "nothing", " for output ", i,
                            " instead of ", shapes.output(i).ToString()));
      break;
    }
    // A name of its own for each output, also where the composition hands an input or one value
    // twice through.
    if (value.node < first_new || std::find(taken.begin(), taken.end(), value) != taken.end()) {
      value = Call("Identity", {value});
    }
    taken.push_back(value);
    scope_.clear();
    Rename(value, names[i]);
    scope_ = absl::StrCat(spec.name, "/");
    values[i] = value;
  }
  scope_ = outer_scope;
  composed_node_ = outer_node;
  return values;
}

std::vector<Value> GraphBuilder::CallMany(absl::string_view op, std::vector<Value> inputs,
                                          Attributes attributes, int num_outputs) {
  NodeSpec spec;
  spec.op = std::string(op);
  spec.inputs = std::move(inputs);
  spec.attributes = std::move(attributes);
  spec.num_outputs = num_outputs;
  return Add(std::move(spec));
}

const TensorType& GraphBuilder::type(Value value) const {
  return nodes_[value.node].outputs[value.port].type;
}

const Tensor* GraphBuilder::constant(Value value) const {
  const Node& node = nodes_[value.node];
  if (node.op == nullptr || node.op->name() != "Constant") return nullptr;
  return &node.attributes.TensorValue("value");
}

void GraphBuilder::Rename(Value value, absl::string_view name) {
  Node& node = nodes_[value.node];
  const std::string old_name = node.name, new_name = Scoped(name);
  const std::string what = absl::StrCat("node ", Quoted(old_name));
  if (node.op == nullptr) {
    AddError(absl::StrCat(what, ": an input or variable cannot be renamed to ", Quoted(new_name)));
    return;
  }
  Node::Output& output = node.outputs[value.port];
  if (output.name == new_name) return;
  if (!Claim(new_name, {value.node, value.port}, what)) return;
  values_.erase(output.name);
  output.name = new_name;
  if (value.port != 0) return;
  node.name = new_name;
  if (node.stream == StreamOf(old_name)) node.stream = StreamOf(new_name);
}

Value GraphBuilder::Find(absl::string_view name) {
  const auto found = values_.find(std::string(name));
  return found == values_.end() ? Value{} : Value{this, found->second.node, found->second.port};
}

std::unique_ptr<GraphBuilder::NodeShapes> GraphBuilder::ShapesOf(int index) const {
  const Node& node = nodes_[index];
  std::vector<Value> inputs;
  for (const ValueId& input : node.inputs) {
    inputs.push_back(
        input.present() ? Value{const_cast<GraphBuilder*>(this), input.node, input.port} : Value{});
  }
  auto shapes = std::make_unique<NodeShapes>(*this, node.op, &node.attributes, inputs,
                                             static_cast<int>(node.outputs.size()));
  // Inferred once already, so this cannot fail.
  (void)node.op->InferShapes(shapes->context());
  return shapes;
}

Value GraphBuilder::BringToLife(int index, int port) {
  Node& node = nodes_[index];
  const int count = static_cast<int>(node.outputs.size());
  if (port >= count) {
    if (port >= static_cast<int>(node.op->outputs().size())) return Value{};
    node.outputs.resize(port + 1);
    const std::unique_ptr<NodeShapes> shapes = ShapesOf(index);
    for (int i = count; i <= port; ++i) node.outputs[i].type = shapes->context().output(i);
  }
  if (node.outputs[port].name.empty()) {
    const std::string name = UniqueName(absl::StrCat(node.name, ":", port));
    node.outputs[port].name = name;
    values_.emplace(name, ValueId{index, port});
  }
  return {this, index, port};
}

void GraphBuilder::SetOrigin(absl::string_view forward, absl::string_view rule) {
  forward_ = std::string(forward);
  rule_ = std::string(rule);
}

absl::StatusOr<Graph> GraphBuilder::Build() && {
  if (!has_outputs_ && errors_.empty()) {
    std::vector<std::vector<bool>> read(nodes_.size());
    for (size_t n = 0; n < nodes_.size(); ++n) read[n].resize(nodes_[n].outputs.size());
    for (const Node& node : nodes_) {
      for (const ValueId& input : node.inputs) {
        if (input.present()) read[input.node][input.port] = true;
      }
    }
    for (const State& state : graph_.states_) {
      if (state.next.present()) read[state.next.node][state.next.port] = true;
    }
    for (int n = 0; n < num_nodes(); ++n) {
      if (nodes_[n].op == nullptr) continue;
      for (size_t i = 0; i < nodes_[n].outputs.size(); ++i) {
        if (!read[n][i] && !nodes_[n].outputs[i].name.empty())
          Output({this, n, static_cast<int>(i)});
      }
    }
  }
  if (!errors_.empty()) return absl::InvalidArgumentError(absl::StrJoin(errors_, "\n"));
  graph_.nodes_.assign(std::make_move_iterator(nodes_.begin()),
                       std::make_move_iterator(nodes_.end()));
  graph_.by_name_.clear();
  graph_.by_name_.reserve(values_.size());
  for (const auto& [name, value] : values_) graph_.by_name_.push_back(value);
  return std::move(graph_);
}

}  // namespace flowgrad
