// Graphs as pictures: the text that Graphviz draws.

#ifndef FLOWGRAD_GRAPH_GRAPH_DOT_H_
#define FLOWGRAD_GRAPH_GRAPH_DOT_H_

#include <string>

#include "graph/graph.h"

namespace flowgrad {

// A digraph from inputs and parameters to outputs, with a box around each scope of names. Inputs,
// parameters, variables, ops and the ops of the backward graph differ in shape and colour; edges
// carry types. Names are quoted and escaped, so that no name can be anything but text.
std::string GraphDot(const Graph& graph);

}  // namespace flowgrad

#endif  // FLOWGRAD_GRAPH_GRAPH_DOT_H_
