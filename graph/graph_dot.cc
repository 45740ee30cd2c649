#include "graph/graph_dot.h"

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/text.h"

namespace flowgrad {
namespace {

// Boxes nest no deeper than this, whatever names say.
constexpr size_t kDeepestScope = 16;

// The nodes whose names start with a path, and the scopes within it.
struct Scope {
  std::vector<int> nodes;
  std::map<std::string, Scope> scopes;
};

std::string DotString(absl::string_view text) { return absl::StrCat("\"", Escaped(text), "\""); }

class DotWriter {
 public:
  explicit DotWriter(const Graph& graph) : graph_(graph) {
    for (const State& state : graph.states()) {
      (state.trained ? parameters_ : variables_).insert(state.now.node);
    }
  }

  std::string Write() {
    const std::string name = graph_.name().empty() ? "model" : graph_.name();
    absl::StrAppend(&text_, "digraph ", DotString(name), " {\n",
                    "  node [fontname=\"sans-serif\", fontsize=11, style=filled];\n",
                    "  edge [fontname=\"sans-serif\", fontsize=9, color=\"#555555\"];\n");
    Scope root;
    for (int n = 0; n < NumNodes(); ++n) ScopeOf(root, graph_.nodes()[n].name).nodes.push_back(n);
    WriteScope(root, "  ");
    WriteOutputs();
    for (int n = 0; n < NumNodes(); ++n) WriteEdges(n);
    text_ += "}\n";
    return std::move(text_);
  }

 private:
  int NumNodes() const { return static_cast<int>(graph_.nodes().size()); }

  static Scope& ScopeOf(Scope& root, const std::string& name) {
    const std::vector<std::string> path = absl::StrSplit(name, '/');
    Scope* scope = &root;
    for (size_t i = 0; i + 1 < path.size() && i < kDeepestScope; ++i) {
      scope = &scope->scopes[path[i]];
    }
    return *scope;
  }

  void WriteScope(const Scope& scope, const std::string& indent) {
    for (const int n : scope.nodes) WriteNode(n, indent);
    for (const auto& [name, inner] : scope.scopes) {
      absl::StrAppend(&text_, indent, "subgraph cluster_", num_clusters_++, " {\n");
      absl::StrAppend(&text_, indent, "  label=", DotString(name),
                      "; fontname=\"sans-serif\"; fontsize=10; color=\"#aaaaaa\";\n");
      WriteScope(inner, indent + "  ");
      absl::StrAppend(&text_, indent, "}\n");
    }
  }

  void WriteNode(int n, const std::string& indent) {
    const Node& node = graph_.nodes()[n];
    const bool gradient = !node.forward.empty();
    absl::string_view style = "shape=box, fillcolor=\"#dbe9f6\"";
    std::string second_line = node.op == nullptr ? "" : node.op->name();
    if (gradient) style = "shape=box, color=\"#b3452c\", fillcolor=\"#fbe3dc\"";
    if (node.op == nullptr) {
      const bool parameter = parameters_.count(n) > 0, variable = variables_.count(n) > 0;
      style = parameter  ? "shape=cylinder, fillcolor=\"#fdf1c7\""
              : variable ? "shape=cylinder, fillcolor=\"#e6e6e6\""
                         : "shape=ellipse, fillcolor=\"#d9f0d3\"";
      second_line = node.outputs[0].type.ToString();
    }
    absl::StrAppend(&text_, indent, "n", n, " [label=\"", Escaped(node.name), "\\n",
                    Escaped(second_line), "\", ", style, "];\n");
  }

  void WriteOutputs() {
    for (size_t i = 0; i < graph_.outputs().size(); ++i) {
      const GraphOutput& output = graph_.outputs()[i];
      absl::StrAppend(&text_, "  o", i, " [label=", DotString(output.name),
                      ", shape=ellipse, fillcolor=\"#ffffff\"];\n");
      WriteEdge(output.value, absl::StrCat("o", i), "");
    }
    for (const State& state : graph_.states()) {
      if (!state.next.present()) continue;
      WriteEdge(state.next, absl::StrCat("n", state.now.node), ", style=dashed, constraint=false");
    }
  }

  void WriteEdges(int n) {
    for (const ValueId& input : graph_.nodes()[n].inputs) {
      if (input.present()) WriteEdge(input, absl::StrCat("n", n), "");
    }
  }

  void WriteEdge(ValueId from, const std::string& to, absl::string_view style) {
    absl::StrAppend(&text_, "  n", from.node, " -> ", to,
                    " [label=", DotString(graph_.type(from).ToString()), style, "];\n");
  }

  const Graph& graph_;
  std::set<int> parameters_, variables_;
  std::string text_;
  int num_clusters_ = 0;
};

}  // namespace

std::string GraphDot(const Graph& graph) { return DotWriter(graph).Write(); }

}  // namespace flowgrad
