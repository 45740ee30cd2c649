// Builds graphs: the C++ API, and what files and passes go through.
//
//   GraphBuilder g;
//   Value x = g.Input("x", "float[N,784]");
//   Value w = g.Parameter("w", "float[784,10]", GlorotUniform());
//   Value labels = g.Input("labels", "int64[N]");
//   Value logits = MatMul(x, w).As("logits");
//   Value loss = Call("SoftmaxCrossEntropyLoss", {logits, labels}).As("loss");
//   g.Output(loss);
//   absl::StatusOr<Graph> graph = g.Build();
//
// Types are inferred as nodes are added. A composed op is put in as the ops it is made of, in a
// scope of its name. Errors are gathered, each with the name of its node, and come out of Build(),
// one per line.
//
// Threads: one builder, one thread. The registry must outlive the builder and its graphs.

#ifndef FLOWGRAD_GRAPH_GRAPH_BUILDER_H_
#define FLOWGRAD_GRAPH_GRAPH_BUILDER_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/graph.h"
#include "graph/initializer.h"
#include "ops/builder.h"
#include "ops/builtin_ops.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {

class GraphBuilder : public Builder {
 public:
  explicit GraphBuilder(const OpRegistry& registry = BuiltinOps());
  // Starts from a copy of `graph`, whose values are found by Find().
  explicit GraphBuilder(const Graph& graph, const OpRegistry& registry = BuiltinOps());
  GraphBuilder(const GraphBuilder&) = delete;
  GraphBuilder& operator=(const GraphBuilder&) = delete;

  void SetName(absl::string_view name) { graph_.name_ = std::string(name); }

  // Something fed at each run; `default_value` is used where nothing is fed. A symbol in `type` is
  // the same number everywhere.
  Value Input(absl::string_view name, absl::string_view type, Tensor default_value = {});
  Value Input(absl::string_view name, TensorType type, Tensor default_value = {});
  // A trained value.
  Value Parameter(absl::string_view name, absl::string_view type, Initializer init,
                  bool frozen = false);
  // A value kept between steps that Update() changes.
  Value Variable(absl::string_view name, absl::string_view type, Initializer init);
  // After a step, `variable` (made by Parameter or Variable) becomes `next`.
  void Update(Value variable, Value next);
  // A bool scalar: true in the graph that trains.
  Value TrainingMode();
  // A value to give back. `name` defaults to the value's.
  void Output(Value value, absl::string_view name = "");
  // Records where the gradient of a value stands.
  void Gradient(absl::string_view value, Value gradient);

  // Names made until the returned object is destroyed start with `name` and a slash.
  class [[nodiscard]] ScopeGuard {
   public:
    ScopeGuard(GraphBuilder* builder, std::string outer)
        : builder_(builder), outer_(std::move(outer)) {}
    ~ScopeGuard() { builder_->scope_ = outer_; }
    ScopeGuard(const ScopeGuard&) = delete;
    ScopeGuard& operator=(const ScopeGuard&) = delete;

   private:
    GraphBuilder* builder_;
    std::string outer_;
  };
  ScopeGuard Scope(absl::string_view name);

  // One node, with all that a file may say of it.
  struct NodeSpec {
    std::string name;  // default: the op's name and a number
    std::string op;
    std::vector<Value> inputs;
    Attributes attributes;
    int num_outputs = 1;
    std::vector<std::string>
        output_names;  // "" leaves out an optional output; default: name, name:1, ...
    std::string forward, rule;
    std::optional<uint64_t> stream;
  };
  std::vector<Value> Add(NodeSpec spec);

  // Builder
  std::vector<Value> CallMany(absl::string_view op, std::vector<Value> inputs,
                              Attributes attributes, int num_outputs) override;
  const TensorType& type(Value value) const override;
  void Rename(Value value, absl::string_view name) override;

  // The value of this name, or an absent one.
  Value Find(absl::string_view name);
  // The constant that makes this value, if it is one.
  const Tensor* constant(Value value) const;

  // Adds an error that Build() will report, unless it was reported already. Those after kMostErrors
  // are not worth their time: a file may have a million.
  static constexpr size_t kMostErrors = 1000;
  void AddError(std::string message);
  bool ok() const { return errors_.empty(); }
  const std::vector<std::string>& errors() const { return errors_; }

  // The graph. InvalidArgument, with all errors, one a line, if anything went wrong.
  absl::StatusOr<Graph> Build() &&;

  // For differentiation and passes. Node indices are those of Values.
  int num_nodes() const { return static_cast<int>(nodes_.size()); }
  const Node& node(int index) const { return nodes_[index]; }
  const std::vector<State>& states() const { return graph_.states_; }
  // What the op's functions see of a node. Valid until the builder changes that node.
  class NodeShapes;
  std::unique_ptr<NodeShapes> ShapesOf(int node) const;
  // Makes output `port` of a node exist. Absent if the op has no such output.
  Value BringToLife(int node, int port);
  // Nodes added until the next call carry this origin.
  void SetOrigin(absl::string_view forward, absl::string_view rule);
  // Looks at every node before it is added, and may change it. Null: none.
  void SetIntercept(std::function<void(NodeSpec&)> intercept) { intercept_ = std::move(intercept); }
  // `base`, or `base` with a number, so that no value has the name yet.
  std::string UniqueName(absl::string_view base);

 private:
  Value AddSource(absl::string_view name, TensorType type);
  Value AddState(absl::string_view name, absl::string_view type, Initializer init, bool trained,
                 bool frozen);
  std::vector<Value> Expand(const OpDef& op, const NodeSpec& spec, const ShapeContext& shapes);
  std::vector<Value> Append(const OpDef& op, NodeSpec& spec, const ShapeContext& shapes);
  std::string Scoped(absl::string_view name) const;
  bool Claim(const std::string& name, ValueId value, absl::string_view what);
  std::string Where(const NodeSpec& spec) const;

  const OpRegistry& registry_;
  Graph graph_;             // all but its nodes and values
  std::deque<Node> nodes_;  // stable addresses
  std::map<std::string, ValueId, std::less<>> values_;
  std::map<int, SymbolicShape> dims_values_;  // of output 0, by node
  std::map<std::string, int> next_number_;    // per base name, for UniqueName
  std::set<std::string> output_names_;
  std::vector<std::string> errors_;
  std::string scope_;          // "" or ends with "/"
  std::string composed_node_;  // the composed node being expanded, as messages name it
  std::string forward_, rule_;
  std::function<void(NodeSpec&)> intercept_;
  bool has_outputs_ = false;
};

// A ShapeContext and what it points to.
class GraphBuilder::NodeShapes {
 public:
  NodeShapes(const GraphBuilder& builder, const OpDef* op, const Attributes* attributes,
             const std::vector<Value>& inputs, int num_outputs);
  ShapeContext& context() { return *context_; }

 private:
  std::vector<const TensorType*> types_;
  std::vector<const Tensor*> constants_;
  std::vector<std::optional<SymbolicShape>> dims_;
  std::vector<const SymbolicShape*> dims_pointers_;
  std::optional<ShapeContext> context_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_GRAPH_GRAPH_BUILDER_H_
