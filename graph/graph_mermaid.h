// Graphs as pictures in Markdown: the text that Mermaid draws.

#ifndef FLOWGRAD_GRAPH_GRAPH_MERMAID_H_
#define FLOWGRAD_GRAPH_GRAPH_MERMAID_H_

#include <string>
#include <vector>

#include "graph/graph.h"

namespace flowgrad {

// A flowchart of the nodes of `graph` that are `shown`, one bool per node. Inputs are round,
// parameters and variables are barrels, ops are boxes, and the node that makes `loss` has six
// corners. Whatever is in a name is text in the picture.
std::string GraphMermaid(const Graph& graph, const std::vector<bool>& shown, ValueId loss);

}  // namespace flowgrad

#endif  // FLOWGRAD_GRAPH_GRAPH_MERMAID_H_
