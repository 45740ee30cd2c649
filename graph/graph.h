// A model in memory: nodes, what is fed, what is kept between steps, what comes out.
//
// Nodes stand in topological order: a node reads only values of nodes before it. Inputs and states
// are nodes without an op. Compositions are expanded, types are inferred, attributes are complete.
// A Graph is immutable; GraphBuilder makes one, from C++ calls, from a file or from another graph.

#ifndef FLOWGRAD_GRAPH_GRAPH_H_
#define FLOWGRAD_GRAPH_GRAPH_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "graph/initializer.h"
#include "ops/attributes.h"
#include "ops/op.h"
#include "ops/tensor.h"

namespace flowgrad {

// An output of a node.
struct ValueId {
  int32_t node = -1;
  int32_t port = 0;
  bool present() const { return node >= 0; }
  friend auto operator<=>(const ValueId& a, const ValueId& b) = default;
};

struct Node {
  struct Output {
    std::string name;  // "" for an optional output that is left out
    TensorType type;
  };
  std::string name;
  const OpDef* op = nullptr;  // null: an input or a state
  Attributes attributes;
  std::vector<ValueId> inputs;  // absent for optional inputs left out
  std::vector<Output> outputs;
  std::string forward;  // name of the node whose gradient this is part of, or ""
  std::string rule;     // the op whose gradient rule made it, or "Sum" where contributions meet
  uint64_t stream = 0;  // key of random numbers; copied by every pass

  // "MatMul", "input" or "state".
  absl::string_view kind() const {
    return op == nullptr ? "source" : absl::string_view(op->name());
  }
};

// What is kept between steps: a pair (now, next). Ops read `now`; after the step the state has the
// value `next`.
struct State {
  std::string name;
  ValueId now;
  ValueId next;  // absent: unchanged
  Initializer init;
  bool trained = false;  // a parameter: the loss is differentiated by it
  bool frozen = false;   // a parameter that training leaves alone
};

struct GraphInput {
  std::string name;
  ValueId value;
  Tensor default_value;  // absent if it must be fed
};

struct GraphOutput {
  std::string name;
  ValueId value;
};

// `gradient` is the derivative by `value`.
struct GradientPair {
  std::string value;
  ValueId gradient;
};

// The name of the value that says whether the graph trains or infers.
inline constexpr absl::string_view kTrainingMode = "training_mode";
// What the names of gradients start with.
inline constexpr absl::string_view kGradientPrefix = "gradients/";
// What the names of an optimizer's nodes and states start with.
inline constexpr absl::string_view kOptimizerPrefix = "optimizer/";

class Graph {
 public:
  Graph() = default;

  const std::string& name() const { return name_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<GraphInput>& inputs() const { return inputs_; }
  const std::vector<GraphOutput>& outputs() const { return outputs_; }
  const std::vector<State>& states() const { return states_; }
  const std::vector<GradientPair>& gradients() const { return gradients_; }

  const Node& node(ValueId value) const { return nodes_[value.node]; }
  const TensorType& type(ValueId value) const {
    return nodes_[value.node].outputs[value.port].type;
  }
  const std::string& value_name(ValueId value) const {
    return nodes_[value.node].outputs[value.port].name;
  }
  // Absent if there is no value of this name.
  ValueId Find(absl::string_view value_name) const;
  std::vector<std::string> ValueNames() const;

 private:
  friend class GraphBuilder;

  std::string name_;
  std::vector<Node> nodes_;
  std::vector<GraphInput> inputs_;
  std::vector<GraphOutput> outputs_;
  std::vector<State> states_;
  std::vector<GradientPair> gradients_;
  std::vector<ValueId> by_name_;  // of all values with a name, in the order of these
};

}  // namespace flowgrad

#endif  // FLOWGRAD_GRAPH_GRAPH_H_
