// Graphs as text, one line per node: for `flowgrad show`, tests of passes, and pictures.
//
//   input x: float[N,3]
//   parameter w: float[3,2] = glorot_uniform
//   z = MatMul(x, w): float[N,2]
//   values, _ = TopK(z, k) {axis=-1}: float[N,1], int64[N,1]
//   update w = w2
//   output z
//   gradient w = gradients/w

#ifndef FLOWGRAD_GRAPH_GRAPH_TEXT_H_
#define FLOWGRAD_GRAPH_GRAPH_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/graph.h"
#include "ops/builtin_ops.h"

namespace flowgrad {

struct TextOptions {
  bool types = true;     // ": float[N,2]" after each node
  bool origins = false;  // "  # MatMul of z" after each node that differentiation made
};

// `left_out` ports are written "_"; attributes only where they are not the op's defaults.
std::string GraphText(const Graph& graph, const TextOptions& options = {});

// Reads that text back; types after nodes may be left out, and are checked where given.
// Initializers are zeros, constants and glorot_uniform. Errors name the line. For tests: tensors of
// more than eight elements do not survive.
absl::StatusOr<Graph> ParseGraphText(absl::string_view text,
                                     const OpRegistry& registry = BuiltinOps());

// The formula of a node, with names in it: "tanh(z1)".
std::string Formula(const Graph& graph, const Node& node);

}  // namespace flowgrad

#endif  // FLOWGRAD_GRAPH_GRAPH_TEXT_H_
