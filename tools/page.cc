#include "tools/page.h"

#include <map>
#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "graph/autodiff.h"
#include "graph/graph_mermaid.h"
#include "graph/graph_text.h"
#include "scheduler/reference_run.h"
#include "scheduler/written_gradients.h"
#include "tools/tensor_text.h"

namespace flowgrad {
namespace {

constexpr int64_t kLargestModel = int64_t{64} << 20;

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

// The comment at the top of a model's text, which is Markdown.
absl::StatusOr<std::string> Comment(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, kLargestModel));
  std::string comment;
  for (absl::string_view line : absl::StrSplit(bytes, '\n')) {
    if (!absl::ConsumePrefix(&line, "#")) break;
    absl::ConsumePrefix(&line, " ");
    absl::StrAppend(&comment, line, "\n");
  }
  return comment;
}

class Page {
 public:
  Page(const Model& model, const std::string& y) : model_(model), y_(y) {}

  absl::StatusOr<std::string> Make() {
    ASSIGN_OR_RETURN(const std::string comment, Comment(model_.path));
    RETURN_IF_ERROR(BuildGraphs());
    RETURN_IF_ERROR(Run());
    const std::string& name = model_.graph.name().empty() ? model_.path : model_.graph.name();
    std::string text =
        absl::StrCat("# ", Escaped(name), "\n\n", comment, comment.empty() ? "" : "\n",
                     "This page was written by\n\n    flowgrad show ", Escaped(model_.path),
                     " --format page\n\n## The graph\n\nInputs are round, parameters are "
                     "barrels, ops are boxes; ",
                     Code(y_), " has six corners.\n\n```mermaid\n",
                     GraphMermaid(graph_, shown_, graph_.Find(y_)), "```\n\n", ForwardTable());
    if (written_.empty()) return text;
    return absl::StrCat(text, "\n", WrittenTable(), OtherNodesTable());
  }

 private:
  // graph_ is the model's; in both_ the backward graph of y is appended.
  absl::Status BuildGraphs() {
    ASSIGN_OR_RETURN(graph_, GraphForMode(model_, /*training=*/false, {y_}));
    std::vector<std::string> wanted = {y_};
    for (const GraphOutput& output : graph_.outputs()) wanted.push_back(output.name);
    ASSIGN_OR_RETURN(shown_, NeededNodes(graph_, wanted));
    absl::StatusOr<Graph> both =
        Differentiate(graph_, y_, GradientTargets::kAll, "", nullptr, *model_.registry);
    if (!both.ok()) return model_.Blame(both.status());
    both_ = *std::move(both);
    const std::vector<GradientPair>& pairs = both_.gradients();
    for (size_t i = graph_.gradients().size(); i < pairs.size(); ++i) {
      derivatives_[pairs[i].value] = both_.value_name(pairs[i].gradient);
    }
    for (size_t n = graph_.nodes().size(); n < both_.nodes().size(); ++n) {
      const Node& node = both_.nodes()[n];
      backward_[node.forward].push_back(
          absl::StrCat(Code(node.name), " = ", Code(Formula(both_, node))));
    }
    return absl::OkStatus();
  }

  absl::Status Run() {
    std::vector<std::string> names;
    for (const Node& node : both_.nodes()) {
      for (const Node::Output& output : node.outputs) {
        if (!output.name.empty()) names.push_back(output.name);
      }
    }
    ASSIGN_OR_RETURN(const TensorMap feeds, LoadFeeds(model_, both_, names, {}));
    ASSIGN_OR_RETURN(TensorMap states, LoadStates(model_, both_, "", SeedOf(model_)));
    const StepValues step_values{.seed = SeedOf(model_)};
    const absl::StatusOr<std::vector<Tensor>> tensors =
        ReferenceRun(both_, feeds, states, names, step_values);
    if (!tensors.ok()) return model_.Blame(tensors.status());
    for (size_t i = 0; i < names.size(); ++i) values_[names[i]] = ShortText((*tensors)[i]);
    if (graph_.gradients().empty()) return absl::OkStatus();
    absl::StatusOr<std::vector<WrittenGradient>> written =
        CompareWrittenGradients(graph_, {y_}, feeds, states, step_values, *model_.registry);
    if (!written.ok()) return model_.Blame(written.status());
    written_ = *std::move(written);
    return absl::OkStatus();
  }

  std::string KindText(const Node& node) const {
    if (node.op != nullptr) return Code(Formula(graph_, node));
    for (const State& state : graph_.states()) {
      if (state.name == node.name) return state.trained ? "parameter" : "variable";
    }
    return "input";
  }

  std::string ForwardTable() const {
    std::string text = absl::StrCat(
        "## Forward and backward\n\nEvery value: how it is computed, what it is, which nodes were "
        "derived from it for the backward\npass, and the derivative of ",
        Code(y_), " by it.\n\n", Head({"value", "formula", "number", "backward", "derivative"}));
    for (size_t n = 0; n < graph_.nodes().size(); ++n) {
      if (!shown_[n]) continue;
      const Node& node = graph_.nodes()[n];
      std::string kind = KindText(node);
      const auto backward = backward_.find(node.name);
      std::string rules =
          backward == backward_.end() ? "" : absl::StrJoin(backward->second, "<br>");
      for (const Node::Output& output : node.outputs) {
        if (output.name.empty()) continue;
        const auto derivative = derivatives_.find(output.name);
        const std::string number =
            derivative == derivatives_.end() ? "" : values_.at(derivative->second);
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
    for (const WrittenGradient& w : written_) {
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
        absl::StrAppend(&rows, Row({Code(output.name), KindText(node), values_.at(output.name)}));
      }
    }
    if (rows.empty()) return "";
    return absl::StrCat("\nHow they are computed:\n\n", Head({"value", "formula", "number"}), rows);
  }

  const Model& model_;
  const std::string& y_;
  Graph graph_, both_;
  std::vector<bool> shown_;                         // by node of graph_: what the outputs need
  std::map<std::string, std::string> derivatives_;  // names, by value
  std::map<std::string, std::vector<std::string>> backward_;  // by forward node
  std::map<std::string, std::string> values_;
  std::vector<WrittenGradient> written_;
};

}  // namespace

absl::StatusOr<std::string> ModelPage(const Model& model, const std::string& y) {
  return Page(model, y).Make();
}

}  // namespace flowgrad
