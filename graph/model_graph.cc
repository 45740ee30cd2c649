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
#include "graph/def_conversions.h"
#include "graph/graph_builder.h"

namespace flowgrad {
namespace {

constexpr size_t kMostCycleNames = 10;
// How many names all suggestions together are chosen from.
constexpr int64_t kMostCandidates = 2'000'000;

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
    std::sort(states_.begin(), states_.end());
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
    builder_.AddError(absl::StrCat("graph has a cycle: ", absl::StrJoin(cycle, " -> ")));
  }

  void LoadNode(int n) {
    if (misnamed_.count(n) > 0 || builder_.errors().size() >= GraphBuilder::kMostErrors) return;
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
    if (!std::binary_search(states_.begin(), states_.end(), update.variable())) {
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
      builder_.AddError(absl::StrCat(what, " ", Quoted(name), " names no value", hint));
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
    builder_.AddError(absl::StrCat(what, ": ", message));
  }

  const GraphDef& def_;
  GraphBuilder builder_;
  std::map<std::string, int> node_names_;  // first node of each name
  std::set<int> misnamed_;                 // nodes that are not built because of their names
  std::map<std::string, int> producers_;   // of values, by name
  std::set<std::string> declared_;         // inputs, parameters and variables
  std::vector<std::string> states_;        // parameters and variables, sorted
  std::vector<std::string> names_;         // of all values, for suggestions
  int64_t candidates_left_ = kMostCandidates;
};

}  // namespace

absl::StatusOr<Graph> BuildGraph(const GraphDef& def, const OpRegistry& registry) {
  return Loader(def, registry).Run();
}

}  // namespace flowgrad
