#include "graph/graph_mermaid.h"

#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/text.h"

namespace flowgrad {
namespace {

// Mermaid takes "#34;" for a double quote. Bytes of UTF-8 stay as they are.
std::string MermaidText(absl::string_view name) {
  std::string text;
  for (const char c : Escaped(name)) {
    const bool plain = absl::ascii_isalnum(c) || static_cast<uint8_t>(c) >= 0x80 ||
                       absl::string_view(" _/:.-").find(c) != absl::string_view::npos;
    if (plain) {
      text += c;
    } else {
      absl::StrAppend(&text, "#", static_cast<int>(c), ";");
    }
  }
  return text;
}

}  // namespace

std::string GraphMermaid(const Graph& graph, const std::vector<bool>& shown, ValueId loss) {
  std::set<int> states;
  for (const State& state : graph.states()) states.insert(state.now.node);
  std::string nodes, edges;
  for (int n = 0; n < static_cast<int>(graph.nodes().size()); ++n) {
    if (!shown[n]) continue;
    const Node& node = graph.nodes()[n];
    const std::string name = MermaidText(node.name);
    const std::string label =
        node.op == nullptr ? absl::StrCat("\"", name, "\"")
                           : absl::StrCat("\"", name, "<br>", MermaidText(node.op->name()), "\"");
    absl::StrAppend(&nodes, "  n", n);
    if (states.count(n) > 0) {
      absl::StrAppend(&nodes, "[(", label, ")]:::state\n");
    } else if (node.op == nullptr) {
      absl::StrAppend(&nodes, "([", label, "]):::input\n");
    } else if (n == loss.node) {
      absl::StrAppend(&nodes, "{{", label, "}}:::loss\n");
    } else {
      absl::StrAppend(&nodes, "[", label, "]:::op\n");
    }
    for (const ValueId& input : node.inputs) {
      if (input.present()) absl::StrAppend(&edges, "  n", input.node, " --> n", n, "\n");
    }
  }
  return absl::StrCat("flowchart TD\n", nodes, edges,
                      "  classDef input fill:#d9f0d3,stroke:#555,color:#000\n",
                      "  classDef state fill:#fdf1c7,stroke:#555,color:#000\n",
                      "  classDef op fill:#dbe9f6,stroke:#555,color:#000\n",
                      "  classDef loss fill:#fbe3dc,stroke:#b3452c,color:#000\n");
}

}  // namespace flowgrad
