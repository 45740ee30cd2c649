#include "tools/page.h"

#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "graph/graph_mermaid.h"
#include "graph/graph_text.h"
#include "tools/model_view.h"
#include "tools/tensor_text.h"

namespace flowgrad {
namespace {

// Code in a cell of a table. A backtick would end the code, and a bar the cell.
std::string Code(absl::string_view text) {
  if (text.empty()) return "";
  return absl::StrCat("`", absl::StrReplaceAll(Escaped(text), {{"|", "\\|"}, {"`", "'"}}), "`");
}

std::string Row(const std::vector<std::string>& cells) {
  return absl::StrCat("| ", absl::StrJoin(cells, " | "), " |\n");
}

std::string Head(const std::vector<std::string>& cells) {
  return absl::StrCat(Row(cells), Row(std::vector<std::string>(cells.size(), "---")));
}

class Page {
 public:
  Page(const Model& model, const ModelView& view)
      : model_(model),
        view_(view),
        graph_(view.graph),
        shown_(view.shown),
        values_(view.values),
        kinds_(NodeKinds(view.graph)) {
    for (size_t n = graph_.nodes().size(); n < view.both.nodes().size(); ++n) {
      const Node& node = view.both.nodes()[n];
      backward_[node.forward].push_back(
          absl::StrCat(Code(node.name), " = ", Code(Formula(view.both, node))));
    }
  }

  std::string Make() const {
    const std::string& name = graph_.name().empty() ? model_.path : graph_.name();
    std::string text =
        absl::StrCat("# ", Escaped(name), "\n\n", view_.comment, view_.comment.empty() ? "" : "\n",
                     "This page was written by\n\n    flowgrad show ", Escaped(model_.path),
                     " --format page\n\n## The graph\n\nInputs are round, parameters are "
                     "barrels, ops are boxes; ",
                     Code(view_.y), " has six corners.\n\n```mermaid\n",
                     GraphMermaid(graph_, shown_, graph_.Find(view_.y)), "```\n\n", ForwardTable());
    if (view_.written.empty()) return text;
    return absl::StrCat(text, "\n", WrittenTable(), OtherNodesTable());
  }

 private:
  std::string KindText(size_t n) const {
    return kinds_[n] == "op" ? Code(Formula(graph_, graph_.nodes()[n])) : kinds_[n];
  }

  std::string ForwardTable() const {
    std::string text = absl::StrCat(
        "## Forward and backward\n\nEvery value: how it is computed, what it is, which nodes were "
        "derived from it for the backward\npass, and the derivative of ",
        Code(view_.y), " by it.\n\n",
        Head({"value", "formula", "number", "backward", "derivative"}));
    for (size_t n = 0; n < graph_.nodes().size(); ++n) {
      if (!shown_[n]) continue;
      const Node& node = graph_.nodes()[n];
      std::string kind = KindText(n);
      const auto backward = backward_.find(node.name);
      std::string rules =
          backward == backward_.end() ? "" : absl::StrJoin(backward->second, "<br>");
      for (const Node::Output& output : node.outputs) {
        if (output.name.empty()) continue;
        const auto derivative = view_.derivatives.find(output.name);
        const std::string number =
            derivative == view_.derivatives.end() ? "" : values_.at(derivative->second);
        absl::StrAppend(&text,
                        Row({Code(output.name), kind, values_.at(output.name), rules, number}));
        kind = rules = "";
      }
    }
    return text;
  }

  // Where numbers agree, the element where they agree least is a matter of rounding.
  std::string WrittenTable() const {
    std::string text = absl::StrCat(
        "## Gradients that stand in the file\n\nBeside the derived ones; where they differ, at the "
        "element where they are farthest apart.\n\n",
        Head({"gradient of", "in the file", "", "at", "written", "derived"}));
    for (const WrittenGradient& w : view_.written) {
      std::vector<std::string> cells = {Code(w.value), Code(w.gradient), "agrees", "", "", ""};
      if (!w.ok) {
        cells = {Code(w.value),
                 Code(w.gradient),
                 "**wrong**",
                 IndexText(w.dims, w.worst_element),
                 absl::StrFormat("%.8g", w.written),
                 absl::StrFormat("%.8g", w.derived)};
      }
      absl::StrAppend(&text, Row(cells));
    }
    return text;
  }

  std::string OtherNodesTable() const {
    std::string rows;
    for (size_t n = 0; n < graph_.nodes().size(); ++n) {
      const Node& node = graph_.nodes()[n];
      if (shown_[n]) continue;
      for (const Node::Output& output : node.outputs) {
        if (output.name.empty()) continue;
        absl::StrAppend(&rows, Row({Code(output.name), KindText(n), values_.at(output.name)}));
      }
    }
    if (rows.empty()) return "";
    return absl::StrCat("\nHow they are computed:\n\n", Head({"value", "formula", "number"}), rows);
  }

  const Model& model_;
  const ModelView& view_;
  const Graph& graph_;
  const std::vector<bool>& shown_;
  const std::map<std::string, std::string>& values_;
  const std::vector<std::string> kinds_;                      // by node of graph_
  std::map<std::string, std::vector<std::string>> backward_;  // by forward node
};

}  // namespace

absl::StatusOr<std::string> ModelPage(const Model& model, const std::string& y, bool training) {
  ASSIGN_OR_RETURN(const ModelView view, ViewModel(model, y, training));
  RETURN_IF_ERROR(view.differentiated);
  RETURN_IF_ERROR(view.ran);
  return Page(model, view).Make();
}

}  // namespace flowgrad
