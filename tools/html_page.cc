// The page is three kinds of files of tools/html/ put together: the document, its style, its
// scripts. Here the model becomes the JSON that they read:
//
//   {"name": ..., "path": ..., "comment": ..., "of": "loss", "notes": [...],
//    "nodes": [{"name", "kind", "op", "formula", "inputs": [[node, port] or null, ...],
//               "outputs": [{"name", "type", "value", "derivative": [node, port]}, ...],
//               "forward": node, "rule", "unneeded": true}, ...],
//    "ops": {"MatMul": "Product of matrices.", ...},
//    "outputs": [[node, port], ...], "updates": [[state's node, node, port], ...],
//    "written": [{"value", "gradient", "wrong": {"at", "written", "derived"}}, ...]}
//
// What is empty is left out. "forward" is the node of the model that a node of the backward graph
// comes from; nodes without it are the model's own.

#include "tools/html_page.h"

#include <cstdint>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "graph/graph_text.h"
#include "nlohmann/json.hpp"
#include "tools/html/html_files.h"

namespace flowgrad {
namespace {

using Json = nlohmann::ordered_json;

class PageData {
 public:
  explicit PageData(const ModelView& view)
      : view_(view), graph_(view.both), kinds_(NodeKinds(view.both)) {
    for (size_t n = 0; n < graph_.nodes().size(); ++n) {
      nodes_.emplace(graph_.nodes()[n].name, static_cast<int>(n));
    }
    forward_.resize(graph_.nodes().size(), -1);
    for (size_t n = 0; n < graph_.nodes().size(); ++n) forward_[n] = ForwardOf(n);
  }

  Json Nodes() const {
    Json nodes = Json::array();
    for (size_t n = 0; n < graph_.nodes().size(); ++n) nodes.push_back(NodeJson(n));
    return nodes;
  }

  Json Ops() const {
    std::map<std::string, std::string> ops;
    for (const Node& node : graph_.nodes()) {
      if (node.op != nullptr) ops[node.op->name()] = node.op->doc();
    }
    return ops;
  }

  Json Outputs() const {
    Json outputs = Json::array();
    for (const GraphOutput& output : view_.graph.outputs()) outputs.push_back(Place(output.value));
    return outputs;
  }

  Json Updates() const {
    Json updates = Json::array();
    for (const State& state : graph_.states()) {
      if (state.next.present()) {
        updates.push_back({state.now.node, state.next.node, state.next.port});
      }
    }
    return updates;
  }

  Json Written() const {
    Json all = Json::array();
    for (const WrittenGradient& w : view_.written) {
      Json json = {{"value", w.value}, {"gradient", w.gradient}};
      if (!w.ok) {
        json["wrong"] = {{"at", IndexText(w.dims, w.worst_element)},
                         {"written", absl::StrFormat("%.8g", w.written)},
                         {"derived", absl::StrFormat("%.8g", w.derived)}};
      }
      all.push_back(json);
    }
    return all;
  }

 private:
  static Json Place(ValueId value) {
    if (!value.present()) return nullptr;
    return {value.node, value.port};
  }

  // The node of the model that node `n` was derived from, or -1 for the model's own. Derivatives of
  // derivatives come from the node at the start.
  int ForwardOf(size_t n) const {
    const auto found = nodes_.find(graph_.nodes()[n].forward);
    if (graph_.nodes()[n].forward.empty() || found == nodes_.end()) return -1;
    const int forward = found->second;
    if (forward >= static_cast<int>(n)) return -1;
    return forward_[forward] < 0 ? forward : forward_[forward];
  }

  Json NodeJson(size_t n) const {
    const Node& node = graph_.nodes()[n];
    Json json = {{"name", node.name}, {"kind", kinds_[n]}};
    if (node.op != nullptr) {
      json["op"] = node.op->name();
      const std::string formula = Formula(graph_, node);
      json["formula"] = formula.empty() ? absl::StrCat(node.op->name(), "()") : formula;
      json["inputs"] = Json::array();
      for (const ValueId& input : node.inputs) json["inputs"].push_back(Place(input));
    }
    json["outputs"] = Json::array();
    for (const Node::Output& output : node.outputs) json["outputs"].push_back(OutputJson(output));
    if (forward_[n] >= 0) {
      json["forward"] = forward_[n];
      json["rule"] = node.rule;
    }
    if (n < view_.shown.size() && !view_.shown[n]) json["unneeded"] = true;
    return json;
  }

  Json OutputJson(const Node::Output& output) const {
    Json json = {{"name", output.name}, {"type", output.type.ToString()}};
    const auto value = view_.values.find(output.name);
    if (value != view_.values.end()) json["value"] = value->second;
    const auto derivative = view_.derivatives.find(output.name);
    if (derivative != view_.derivatives.end()) {
      json["derivative"] = Place(graph_.Find(derivative->second));
    }
    return json;
  }

  const ModelView& view_;
  const Graph& graph_;
  const std::vector<std::string> kinds_;
  std::map<std::string, int> nodes_;  // by name
  std::vector<int> forward_;          // by node
};

// JSON in ASCII without "<", ">" and "&": nothing that a document could take for its own. In JSON
// they stand in strings only.
std::string JsonInHtml(const Json& json) {
  return absl::StrReplaceAll(
      json.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace),
      {{"<", "\\u003c"}, {">", "\\u003e"}, {"&", "\\u0026"}});
}

}  // namespace

std::string HtmlPage(const Model& model, const ModelView& view,
                     const absl::Status& not_differentiated) {
  const PageData data(view);
  Json json = {{"name", view.graph.name().empty() ? model.path : view.graph.name()},
               {"path", model.path},
               {"comment", view.comment},
               {"of", view.differentiated.ok() ? view.y : ""}};
  json["notes"] = Json::array();
  for (const absl::Status& status : {not_differentiated, view.differentiated}) {
    if (!status.ok())
      json["notes"].push_back(absl::StrCat("Nothing was differentiated: ", status.message()));
  }
  if (!view.ran.ok()) json["notes"].push_back(absl::StrCat("No numbers: ", view.ran.message()));
  json["nodes"] = data.Nodes();
  json["ops"] = data.Ops();
  json["outputs"] = data.Outputs();
  json["updates"] = data.Updates();
  json["written"] = data.Written();
  // Placeholders in what is put in are not looked at.
  return absl::StrReplaceAll(html::kDocument, {{"{{style}}", html::kStyle},
                                               {"{{scripts}}", html::kScripts},
                                               {"{{model}}", JsonInHtml(json)}});
}

}  // namespace flowgrad
