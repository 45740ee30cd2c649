#include "graph/model_graph.h"

#include <algorithm>
#include <functional>
#include <map>
#include <queue>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "graph/graph_builder.h"
#include "ops/run_op.h"

namespace flowgrad {
namespace {

constexpr int kMostAttributes = 256;
constexpr size_t kMostCycleNames = 10;
// Errors after these are not worth their time: a file may have a million.
constexpr size_t kMostErrors = 1000;
// How many names all suggestions together are chosen from.
constexpr int64_t kMostCandidates = 2'000'000;

absl::StatusOr<Attributes> ParseAttributes(const NodeDef& node) {
  if (node.attribute_size() > kMostAttributes) {
    return absl::InvalidArgumentError(absl::StrCat("a node has at most ", kMostAttributes,
                                                   " attributes, but has ", node.attribute_size()));
  }
  Attributes attributes;
  for (const AttributeDef& def : node.attribute()) {
    const std::string what = absl::StrCat("attribute ", Quoted(def.name()));
    if (def.name().empty()) return absl::InvalidArgumentError("an attribute has no name");
    if (attributes.has(def.name()))
      return absl::InvalidArgumentError(absl::StrCat(what, " is given twice"));
    switch (def.value_case()) {
      case AttributeDef::kI:
        attributes.Set(def.name(), def.i());
        break;
      case AttributeDef::kF:
        attributes.Set(def.name(), def.f());
        break;
      case AttributeDef::kS:
        attributes.Set(def.name(), def.s());
        break;
      case AttributeDef::kT: {
        absl::StatusOr<Tensor> tensor = ParseTensor(def.t());
        if (!tensor.ok())
          return absl::InvalidArgumentError(absl::StrCat(what, ": ", tensor.status().message()));
        attributes.Set(def.name(), *std::move(tensor));
        break;
      }
      case AttributeDef::kInts:
        attributes.Set(def.name(), Ints(def.ints().values().begin(), def.ints().values().end()));
        break;
      case AttributeDef::kFloats:
        attributes.Set(def.name(),
                       Floats(def.floats().values().begin(), def.floats().values().end()));
        break;
      case AttributeDef::VALUE_NOT_SET:
        return absl::InvalidArgumentError(absl::StrCat(what, " has no value"));
    }
  }
  return attributes;
}

absl::StatusOr<Initializer> ParseInitializer(const InitializerDef& def, const TensorType& type) {
  switch (def.kind_case()) {
    case InitializerDef::kConstant:
      return ConstantValue(def.constant());
    case InitializerDef::kUniform:
      return Uniform(def.uniform().low(), def.uniform().high());
    case InitializerDef::kNormal:
      return Normal(def.normal().mean(), def.normal().stddev());
    case InitializerDef::kGlorotUniform:
      return GlorotUniform();
    case InitializerDef::kGlorotNormal:
      return GlorotNormal();
    case InitializerDef::kHeUniform:
      return HeUniform();
    case InitializerDef::kHeNormal:
      return HeNormal();
    case InitializerDef::kOrthogonal:
      return Orthogonal(def.orthogonal().has_gain() ? def.orthogonal().gain() : 1);
    case InitializerDef::kValue: {
      ASSIGN_OR_RETURN(Tensor value, ParseTensor(def.value(), &type));
      return Given(std::move(value));
    }
    case InitializerDef::kZeros:
    case InitializerDef::KIND_NOT_SET:
      break;
  }
  return Zeros();
}

InitializerDef ToInitializerDef(const Initializer& init) {
  InitializerDef def;
  switch (init.kind) {
    case Initializer::Kind::kConstant:
      if (init.first == 0) {
        def.mutable_zeros();
      } else {
        def.set_constant(init.first);
      }
      break;
    case Initializer::Kind::kUniform:
      def.mutable_uniform()->set_low(init.first);
      def.mutable_uniform()->set_high(init.second);
      break;
    case Initializer::Kind::kNormal:
      def.mutable_normal()->set_mean(init.first);
      def.mutable_normal()->set_stddev(init.second);
      break;
    case Initializer::Kind::kGlorotUniform:
      def.mutable_glorot_uniform();
      break;
    case Initializer::Kind::kGlorotNormal:
      def.mutable_glorot_normal();
      break;
    case Initializer::Kind::kHeUniform:
      def.mutable_he_uniform();
      break;
    case Initializer::Kind::kHeNormal:
      def.mutable_he_normal();
      break;
    case Initializer::Kind::kOrthogonal:
      def.mutable_orthogonal()->set_gain(init.first);
      break;
    case Initializer::Kind::kValue:
      *def.mutable_value() = ToTensorDef(init.value);
      break;
  }
  return def;
}

// Attributes that are not the op's defaults.
void SetAttributes(const Node& node, NodeDef* def) {
  for (const Attributes::Entry& entry : node.attributes.entries()) {
    const auto spec = std::find_if(node.op->attributes().begin(), node.op->attributes().end(),
                                   [&](const AttributeSpec& s) { return s.name == entry.first; });
    if (spec->default_value && SameAttributes({{entry.first, *spec->default_value}}, {entry}))
      continue;
    AttributeDef* out = def->add_attribute();
    out->set_name(entry.first);
    const AttributeValue& value = entry.second;
    if (const int64_t* i = std::get_if<int64_t>(&value)) out->set_i(*i);
    if (const double* f = std::get_if<double>(&value)) out->set_f(*f);
    if (const std::string* s = std::get_if<std::string>(&value)) out->set_s(*s);
    if (const Tensor* t = std::get_if<Tensor>(&value)) *out->mutable_t() = ToTensorDef(*t);
    if (const Ints* ints = std::get_if<Ints>(&value)) {
      out->mutable_ints()->mutable_values()->Add(ints->begin(), ints->end());
    }
    if (const Floats* floats = std::get_if<Floats>(&value)) {
      out->mutable_floats()->mutable_values()->Add(floats->begin(), floats->end());
    }
  }
}

// Names of a node's outputs as the file means them.
std::vector<std::string> OutputNames(const NodeDef& node) {
  if (node.output_size() > 0) return {node.output().begin(), node.output().end()};
  return {node.name()};
}

class Loader {
 public:
  Loader(const GraphDef& def, const OpRegistry& registry) : def_(def), builder_(registry) {}

  absl::StatusOr<Graph> Run() {
    builder_.SetName(def_.name());
    for (int i = 0; i < def_.input_size(); ++i) {
      if (CheckSource(def_.input(i).name(), "input", i)) LoadInput(def_.input(i));
    }
    for (int i = 0; i < def_.parameter_size(); ++i) LoadVariable(def_.parameter(i), "parameter", i);
    for (int i = 0; i < def_.variable_size(); ++i) LoadVariable(def_.variable(i), "variable", i);
    IndexProducers();
    for (const int n : SortedNodes()) LoadNode(n);
    for (const std::string& output : def_.output()) builder_.Output(Named(output, "output"));
    for (const UpdateDef& update : def_.update()) LoadUpdate(update);
    for (const GradientDef& gradient : def_.gradient()) {
      const std::string what = absl::StrCat("gradient of ", Quoted(gradient.value()), ": value");
      builder_.Gradient(gradient.value(), Named(gradient.gradient(), what));
    }
    return std::move(builder_).Build();
  }

 private:
  // Whether a file may use this name; an error that begins with `what` if not.
  bool CheckName(const std::string& name, absl::string_view what) {
    if (name == kTrainingMode) {
      Fail(what, "this name is kept for the engine; use it without declaring it");
      return false;
    }
    if (!absl::StartsWith(name, kGradientPrefix) || def_.gradient_size() > 0) return true;
    Fail(what, absl::StrCat("names that start with \"", kGradientPrefix,
                            "\" are kept for differentiation"));
    return false;
  }

  // `parameter "w"`; `parameter 3 of the file` for one without a name, which is an error.
  bool CheckSource(const std::string& name, absl::string_view kind, int place) {
    if (!name.empty()) return CheckName(name, absl::StrCat(kind, " ", Quoted(name)));
    Fail(absl::StrCat(kind, " ", place + 1, " of the file"), "has no name");
    return false;
  }

  void LoadInput(const InputDef& input) {
    const std::string what = absl::StrCat("input ", Quoted(input.name()));
    absl::StatusOr<TensorType> type = ParseTensorType(input.type());
    if (!type.ok()) {
      Fail(what, type.status().message());
      return;
    }
    Tensor value;
    if (input.has_value()) {
      absl::StatusOr<Tensor> parsed = ParseTensor(input.value(), &*type);
      if (!parsed.ok()) {
        Fail(what, parsed.status().message());
        return;
      }
      value = *std::move(parsed);
      const TensorType given = value.type();
      bool fits = given.dtype == type->dtype && given.rank() == type->rank();
      for (int d = 0; fits && d < type->rank(); ++d)
        fits = !type->shape[d].known() || type->shape[d] == given.shape[d];
      if (!fits) {
        Fail(what,
             absl::StrCat("its value must be ", type->ToString(), ", but is ", given.ToString()));
        return;
      }
    }
    builder_.Input(input.name(), *std::move(type), std::move(value));
  }

  void LoadVariable(const VariableDef& variable, absl::string_view kind, int place) {
    if (!CheckSource(variable.name(), kind, place)) return;
    const std::string what = absl::StrCat(kind, " ", Quoted(variable.name()));
    const bool trained = kind == "parameter";
    if (variable.frozen() && !trained) {
      Fail(what, "\"frozen\" is for parameters; a variable without an update keeps its value");
      return;
    }
    absl::StatusOr<TensorType> type = ParseTensorType(variable.type());
    if (!type.ok()) {
      Fail(what, type.status().message());
      return;
    }
    absl::StatusOr<Initializer> init = ParseInitializer(variable.init(), *type);
    if (init.ok()) {
      const absl::Status check = CheckInitializer(*init, type->dtype, type->shape);
      if (!check.ok()) init = check;
    }
    if (!init.ok()) {
      Fail(what, absl::StrCat("init: ", init.status().message()));
      return;
    }
    if (trained) {
      builder_.Parameter(variable.name(), variable.type(), *std::move(init), variable.frozen());
    } else {
      builder_.Variable(variable.name(), variable.type(), *std::move(init));
    }
  }

  // Which node makes which value, before any is built, so that errors about names do not depend on
  // the order of nodes.
  void IndexProducers() {
    for (int n = 0; n < def_.node_size(); ++n) {
      IndexNode(n);
      for (const std::string& output : OutputNames(def_.node(n))) {
        if (!output.empty()) producers_.emplace(output, n);
      }
    }
    for (const InputDef& input : def_.input()) declared_.insert(input.name());
    for (const VariableDef& variable : def_.parameter()) states_.push_back(variable.name());
    for (const VariableDef& variable : def_.variable()) states_.push_back(variable.name());
    declared_.insert(states_.begin(), states_.end());
    names_.assign(declared_.begin(), declared_.end());
    for (const auto& [name, node] : producers_) names_.push_back(name);
  }

  void IndexNode(int n) {
    const NodeDef& node = def_.node(n);
    const auto [known, is_new] = node_names_.emplace(node.name(), n);
    const std::string what = absl::StrCat("node ", Quoted(node.name()));
    bool named_well = true;
    if (node.name().empty()) {
      Fail(absl::StrCat("node ", n + 1, " of the file (", Escaped(node.op().substr(0, 80)), ")"),
           "has no name");
      named_well = false;
    } else if (!is_new) {
      Fail(what, absl::StrCat("is defined twice, as node ", known->second + 1, " and as node ",
                              n + 1, " of the file"));
      named_well = false;
    } else {
      named_well = CheckName(node.name(), what);
    }
    for (const std::string& output : node.output()) {
      if (output == node.name()) continue;
      named_well &= CheckName(output, absl::StrCat(what, ": output ", Quoted(output)));
    }
    if (!named_well) misnamed_.insert(n);
  }

  // Nodes in an order in which each stands after those it reads, and otherwise as in the file.
  // Nodes on a cycle, or behind one, are left out and the cycle is reported.
  std::vector<int> SortedNodes() {
    const int count = def_.node_size();
    std::vector<int> waits(count, 0);
    std::vector<std::vector<int>> readers(count);
    for (int n = 0; n < count; ++n) {
      for (const std::string& input : def_.node(n).input()) {
        const auto producer = producers_.find(input);
        if (producer == producers_.end() || builder_.Find(input)) continue;
        readers[producer->second].push_back(n);
        ++waits[n];
      }
    }
    std::priority_queue<int, std::vector<int>, std::greater<int>> ready;
    for (int n = 0; n < count; ++n) {
      if (waits[n] == 0) ready.push(n);
    }
    std::vector<int> order;
    while (!ready.empty()) {
      const int n = ready.top();
      ready.pop();
      order.push_back(n);
      for (const int reader : readers[n]) {
        if (--waits[reader] == 0) ready.push(reader);
      }
    }
    if (static_cast<int>(order.size()) < count) ReportCycle(waits);
    return order;
  }

  // Going from a waiting node to one it waits for, and so on, must come back to a node seen.
  void ReportCycle(const std::vector<int>& waits) {
    int n = static_cast<int>(std::find_if(waits.begin(), waits.end(), [](int w) { return w > 0; }) -
                             waits.begin());
    std::map<int, size_t> seen;
    std::vector<std::string> path;
    while (seen.emplace(n, path.size()).second) {
      path.push_back(def_.node(n).name());
      for (const std::string& input : def_.node(n).input()) {
        const auto producer = producers_.find(input);
        if (producer == producers_.end() || waits[producer->second] == 0 || builder_.Find(input))
          continue;
        n = producer->second;
        break;
      }
    }
    std::vector<std::string> cycle(path.begin() + seen[n], path.end());
    std::reverse(cycle.begin(), cycle.end());
    // The same cycle always reads the same: it starts at the node that stands first in the file.
    std::rotate(cycle.begin(),
                std::min_element(
                    cycle.begin(), cycle.end(),
                    [&](const auto& a, const auto& b) { return node_names_[a] < node_names_[b]; }),
                cycle.end());
    cycle.push_back(cycle.front());
    const size_t total = cycle.size();
    for (std::string& name : cycle) name = Quoted(name);
    if (total > kMostCycleNames) {
      cycle.erase(cycle.begin() + kMostCycleNames - 2, cycle.end() - 2);
      cycle[kMostCycleNames - 2] = absl::StrCat("... ", total - kMostCycleNames + 1, " more");
    }
    Report(absl::StrCat("graph has a cycle: ", absl::StrJoin(cycle, " -> ")));
  }

  void LoadNode(int n) {
    if (misnamed_.count(n) > 0 || builder_.errors().size() >= kMostErrors) return;
    const NodeDef& node = def_.node(n);
    const std::string what =
        absl::StrCat("node ", Quoted(node.name()), " (", Escaped(node.op().substr(0, 80)), ")");
    if (node.op().empty()) {
      Fail(absl::StrCat("node ", Quoted(node.name())), "has no op");
      return;
    }
    GraphBuilder::NodeSpec spec;
    spec.name = node.name();
    spec.op = node.op();
    absl::StatusOr<Attributes> attributes = ParseAttributes(node);
    if (!attributes.ok()) {
      Fail(what, attributes.status().message());
      return;
    }
    spec.attributes = *std::move(attributes);
    for (const std::string& input : node.input()) {
      spec.inputs.push_back(input.empty() ? Value{} : Named(input, absl::StrCat(what, ": input")));
    }
    spec.num_outputs = std::max(1, node.output_size());
    spec.output_names.assign(node.output().begin(), node.output().end());
    spec.forward = node.forward();
    spec.rule = node.rule();
    if (node.has_stream()) spec.stream = node.stream();
    builder_.Add(std::move(spec));
  }

  void LoadUpdate(const UpdateDef& update) {
    const std::string what = absl::StrCat("update of ", Quoted(update.variable()));
    if (std::find(states_.begin(), states_.end(), update.variable()) == states_.end()) {
      Fail(what, absl::StrCat("no parameter or variable has this name",
                              Suggestion(update.variable(), states_)));
      return;
    }
    builder_.Update(builder_.Find(update.variable()),
                    Named(update.value(), absl::StrCat(what, ": value")));
  }

  // The value of this name; an error, once, that begins with `what` if the file has none.
  Value Named(const std::string& name, absl::string_view what) {
    if (name == kTrainingMode) return builder_.TrainingMode();
    const Value value = builder_.Find(name);
    if (value) return value;
    // What could not be built, or waits on a cycle, has been reported there.
    if (producers_.count(name) == 0 && declared_.count(name) == 0) {
      const auto node = node_names_.find(name);
      const bool is_node = !name.empty() && node != node_names_.end();
      const std::string hint = is_node
                                   ? absl::StrCat(", but a node; its outputs are ",
                                                  QuotedList(OutputNames(def_.node(node->second))))
                                   : Suggestion(name, names_);
      Report(absl::StrCat(what, " ", Quoted(name), " names no value", hint));
    }
    return Value{&builder_};
  }

  static std::string QuotedList(const std::vector<std::string>& names) {
    return absl::StrJoin(
        names, ", ", [](std::string* out, const std::string& name) { out->append(Quoted(name)); });
  }

  std::string Suggestion(const std::string& name, const std::vector<std::string>& candidates) {
    candidates_left_ -= static_cast<int64_t>(candidates.size());
    return candidates_left_ < 0 ? "" : DidYouMean(name, candidates);
  }

  void Fail(absl::string_view what, absl::string_view message) {
    Report(absl::StrCat(what, ": ", message));
  }

  void Report(std::string message) {
    if (builder_.errors().size() < kMostErrors) builder_.AddError(std::move(message));
  }

  const GraphDef& def_;
  GraphBuilder builder_;
  std::map<std::string, int> node_names_;  // first node of each name
  std::set<int> misnamed_;                 // nodes that are not built because of their names
  std::map<std::string, int> producers_;   // of values, by name
  std::set<std::string> declared_;         // inputs, parameters and variables
  std::vector<std::string> states_;        // parameters and variables
  std::vector<std::string> names_;         // of all values, for suggestions
  int64_t candidates_left_ = kMostCandidates;
};

}  // namespace

absl::StatusOr<Graph> BuildGraph(const GraphDef& def, const OpRegistry& registry) {
  return Loader(def, registry).Run();
}

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
