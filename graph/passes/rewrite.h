// The mechanism of all passes: a graph is copied node by node, and a rule may put something else in
// a node's place.
//
// What nothing reads any more (outputs, updates, gradients) is dropped from the copy. Names,
// streams and origins are kept, so that random numbers and messages do not depend on which passes
// ran.

#ifndef FLOWGRAD_GRAPH_PASSES_REWRITE_H_
#define FLOWGRAD_GRAPH_PASSES_REWRITE_H_

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "graph/graph.h"
#include "graph/graph_builder.h"

namespace flowgrad {

// Gives what takes the place of `node`, whose inputs in the new graph are `inputs`: one Value per
// output (absent for one that is left out), or an empty list to copy the node as it is.
using RewriteRule = std::function<std::vector<Value>(
    const Node& node, const std::vector<Value>& inputs, GraphBuilder& builder)>;

// All there is to say of `node`, for a builder in which its inputs are `inputs`.
GraphBuilder::NodeSpec SpecOf(const Node& node, std::vector<Value> inputs);

// `rule` may be null: then only dead nodes are dropped.
absl::StatusOr<Graph> Rewrite(const Graph& graph, const RewriteRule& rule,
                              const OpRegistry& registry = BuiltinOps());

}  // namespace flowgrad

#endif  // FLOWGRAD_GRAPH_PASSES_REWRITE_H_
