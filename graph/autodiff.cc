#include "graph/autodiff.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "ops/functions.h"

namespace flowgrad {
namespace {

using Kind = GradientMutation::Kind;

// A term of the gradient of a value: what the node `consumer` adds through its input `port`.
struct Contribution {
  std::string consumer;
  int port;
  Value gradient;
};

class Differentiator {
 public:
  Differentiator(GraphBuilder& builder, const GradientOptions& options)
      : builder_(builder), options_(options), first_gradient_(builder.num_nodes()) {}

  std::vector<Value> Run(const std::vector<Value>& ys, const std::vector<Value>& xs) {
    if (!SeedOutputs(ys)) return std::vector<Value>(xs.size(), Value{&builder_});
    MarkDependents(xs);
    for (int n = first_gradient_ - 1; n >= 0; --n) VisitNode(n);
    std::vector<Value> gradients;
    for (const Value& x : xs) gradients.push_back(x ? GradientOf(x) : Value{});
    return gradients;
  }

 private:
  bool SeedOutputs(const std::vector<Value>& ys) {
    for (size_t i = 0; i < ys.size(); ++i) {
      const Value& y = ys[i];
      if (!y) return false;
      const std::string& name = Name(y);
      if (!IsFloating(y.type().dtype)) {
        builder_.AddError(absl::StrCat("gradient of ", Quoted(name),
                                       ": must be float or double to be differentiated, but is ",
                                       y.type().ToString()));
        return false;
      }
      Value upstream = i < options_.upstream.size() ? options_.upstream[i] : Value{};
      if (!upstream) {
        builder_.SetOrigin(builder_.node(y.node).name, "1");
        const auto scope = builder_.Scope(absl::StrCat("gradients/", name));
        upstream = builder_.Scalar(y.type().dtype, 1);
        if (y.type().rank() > 0) upstream = Call("Expand", {upstream, Call("Shape", {y})});
        builder_.SetOrigin("", "");
      } else if (upstream.type() != y.type()) {
        builder_.AddError(
            absl::StrCat("gradient of ", Quoted(name), ": the upstream gradient must have type ",
                         y.type().ToString(), ", but has ", upstream.type().ToString()));
        return false;
      }
      contributions_[Key(y)].push_back({"", static_cast<int>(i), upstream});
    }
    return true;
  }

  // A node depends on xs if it reads one of them or a value that does; gradients flow through such
  // nodes only.
  void MarkDependents(const std::vector<Value>& xs) {
    for (const Value& x : xs) {
      if (x) targets_.insert(Key(x));
    }
    depends_.assign(first_gradient_, false);
    for (int n = 0; n < first_gradient_; ++n) {
      const Node& node = builder_.node(n);
      for (int i = 0; i < static_cast<int>(node.inputs.size()); ++i) {
        if (Wanted(node, i)) depends_[n] = true;
      }
    }
  }

  // Whether the gradient of input `i` of a node leads to one of xs. What is read for its shape
  // alone has none.
  bool Wanted(const Node& node, int i) const {
    const ValueId input = node.inputs[i];
    if (!input.present() || node.op->reads_shape_only(i)) return false;
    const DType dtype = builder_.node(input.node).outputs[input.port].type.dtype;
    return IsFloating(dtype) && (depends_[input.node] || targets_.count(input) > 0);
  }

  void VisitNode(int n) {
    // References into the builder's nodes stay valid while nodes are added; outputs may be added to
    // `node` itself.
    const Node& node = builder_.node(n);
    if (!depends_[n]) return;
    std::vector<Value> output_gradients;
    bool flows = false;
    for (int i = 0; i < static_cast<int>(node.outputs.size()); ++i) {
      output_gradients.push_back(GradientOf(Value{&builder_, n, i}));
      flows = flows || output_gradients.back();
    }
    if (!flows) return;
    if (node.op->gradient() == nullptr) {
      int i = 0;
      while (!Wanted(node, i)) ++i;
      const ValueId input = node.inputs[i];
      builder_.AddError(
          absl::StrCat("node ", Quoted(node.name), " (", node.op->name(), "): gradient by ",
                       Quoted(Name(Value{&builder_, input.node, input.port})),
                       " was asked for, but the op has none: ", node.op->no_gradient_reason()));
      return;
    }
    CallRule(n, std::move(output_gradients));
  }

  void CallRule(int n, std::vector<Value> output_gradients) {
    const Node& node = builder_.node(n);
    const std::unique_ptr<GraphBuilder::NodeShapes> shapes = builder_.ShapesOf(n);
    GradientContext::Node known;
    known.builder = &builder_;
    known.shapes = &shapes->context();
    known.output_gradients = std::move(output_gradients);
    known.output = [&](int i) { return Read(builder_.BringToLife(n, i)); };
    const auto scope = builder_.Scope(absl::StrCat("gradients/", node.name));
    builder_.SetOrigin(node.name, node.op->name());
    StartMutation(*node.op);
    for (int i = 0; i < static_cast<int>(node.inputs.size()); ++i) {
      const ValueId input = node.inputs[i];
      known.inputs.push_back(input.present() ? Read(Value{&builder_, input.node, input.port})
                                             : Value{});
      known.wanted.push_back(Wanted(node, i));
    }
    const std::vector<bool> wanted = known.wanted;
    GradientContext context(std::move(known));
    const absl::Status status = node.op->gradient()(context);
    if (!status.ok()) {
      builder_.AddError(
          absl::StrCat("node ", Quoted(node.name), " (", node.op->name(), "): ", status.message()));
    }
    for (size_t i = 0; status.ok() && i < node.inputs.size(); ++i) {
      Value dx = context.input_gradients()[i];
      if (!dx || !wanted[i]) continue;
      const ValueId input = node.inputs[i];
      const Value x{&builder_, input.node, input.port};
      if (dx.type() != x.type()) {
        builder_.AddError(absl::StrCat("node ", Quoted(node.name), " (", node.op->name(),
                                       "): internal: its rule gives the gradient of input ", i,
                                       " type ", dx.type().ToString(), " instead of ",
                                       x.type().ToString()));
        continue;
      }
      contributions_[input].push_back({node.name, static_cast<int>(i), Mutated(*node.op, dx)});
    }
    builder_.SetIntercept(nullptr);
    builder_.SetOrigin("", "");
  }

  // The finished gradient of a value; absent if nothing flows into it.
  Value GradientOf(const Value& v) {
    const auto known = finished_.find(Key(v));
    if (known != finished_.end()) return known->second;
    const auto found = contributions_.find(Key(v));
    if (found == contributions_.end()) return finished_[Key(v)] = Value{};
    std::vector<Contribution>& terms = found->second;
    std::sort(terms.begin(), terms.end(), [](const Contribution& a, const Contribution& b) {
      return std::tie(a.consumer, a.port) < std::tie(b.consumer, b.port);
    });
    const Node& node = builder_.node(v.node);
    if (terms.size() > 1 && MutationIs(Kind::kLostTerm) && options_.mutation->op == OpName(node)) {
      terms.pop_back();
      ++options_.mutation->applied;
    }
    Value gradient = terms[0].gradient;
    builder_.SetOrigin(node.name, terms.size() > 1 ? "Sum" : "Identity");
    if (terms.size() > 1) {
      std::vector<Value> values;
      for (const Contribution& term : terms) values.push_back(term.gradient);
      gradient = Call("Sum", values);
    } else if (gradient.node < first_gradient_ || gradient.port != 0 ||
               named_.count(gradient.node) > 0) {
      gradient = Call("Identity", {gradient});
    }
    builder_.SetOrigin("", "");
    if (gradient) {
      named_.insert(gradient.node);
      builder_.Rename(gradient, builder_.UniqueName(absl::StrCat(kGradientPrefix, Name(v))));
    }
    return finished_[Key(v)] = gradient;
  }

  bool MutationIs(Kind kind) const {
    return options_.mutation != nullptr && options_.mutation->kind == kind;
  }
  static absl::string_view OpName(const Node& node) {
    return node.op == nullptr ? "" : absl::string_view(node.op->name());
  }

  // While the mutated op's rule runs, nodes it adds are looked at, and changed if they are what the
  // mutation is about.
  void StartMutation(const OpDef& op) {
    mutates_ = options_.mutation != nullptr && options_.mutation->op == op.name();
    const bool transpose = MutationIs(Kind::kNoTranspose), sum = MutationIs(Kind::kNoBroadcastSum);
    if (!mutates_ || (!transpose && !sum)) return;
    builder_.SetIntercept([this, transpose](GraphBuilder::NodeSpec& spec) {
      if (transpose && spec.op == "Transpose") {
        // The shape is that of the transposed value; the elements stay in their order.
        builder_.SetIntercept(nullptr);
        const Value transposed = Call("Transpose", spec.inputs, spec.attributes);
        spec.op = "Reshape";
        spec.inputs.push_back(Call("Shape", {transposed}));
        spec.attributes = {};
        ++options_.mutation->applied;
      } else if (!transpose && spec.op == "ReduceSum") {
        spec.op = "ReduceMax";
        ++options_.mutation->applied;
      }
    });
  }

  Value Read(Value value) {
    if (!mutates_ || !MutationIs(Kind::kStaleValue) || !value || !IsFloating(value.type().dtype))
      return value;
    ++options_.mutation->applied;
    return value * 0.5 + 0.25;
  }

  Value Mutated(const OpDef& op, Value dx) {
    if (options_.mutation == nullptr || options_.mutation->op != op.name()) return dx;
    double factor;
    switch (options_.mutation->kind) {
      case Kind::kSign:
        factor = -1;
        break;
      case Kind::kFactor:
        factor = 2;
        break;
      case Kind::kSmallFactor:
        factor = 1.00001;
        break;
      default:
        return dx;
    }
    ++options_.mutation->applied;
    return dx * factor;
  }

  static ValueId Key(const Value& value) { return {value.node, value.port}; }
  const std::string& Name(const Value& value) const {
    return builder_.node(value.node).outputs[value.port].name;
  }

  GraphBuilder& builder_;
  const GradientOptions& options_;
  const int first_gradient_;  // nodes from here on are the backward graph
  std::set<ValueId> targets_;
  std::vector<bool> depends_;
  std::map<ValueId, std::vector<Contribution>> contributions_;
  std::map<ValueId, Value> finished_;
  std::set<int32_t> named_;
  bool mutates_ = false;
};

}  // namespace

absl::string_view GradientMutation::KindName(Kind kind) {
  constexpr absl::string_view kNames[kNumKinds] = {"sign",
                                                   "factor 2",
                                                   "factor 1.00001",
                                                   "missing transpose",
                                                   "missing broadcast sum",
                                                   "lost fan-out term",
                                                   "stale value"};
  return kNames[static_cast<int>(kind)];
}

std::vector<Value> Gradients(GraphBuilder& builder, const std::vector<Value>& ys,
                             const std::vector<Value>& xs, const GradientOptions& options) {
  return Differentiator(builder, options).Run(ys, xs);
}

absl::StatusOr<Graph> Differentiate(const Graph& graph, absl::string_view y,
                                    GradientTargets targets, absl::string_view upstream_input,
                                    GradientMutation* mutation, const OpRegistry& registry) {
  GraphBuilder builder(graph, registry);
  const Value loss = builder.Find(y);
  if (!loss) {
    return absl::NotFoundError(absl::StrCat("gradient of ", Quoted(y), ": no value has this name",
                                            DidYouMean(y, graph.ValueNames())));
  }
  std::vector<Value> xs;
  std::vector<std::string> names;
  const auto add = [&](ValueId id) {
    if (!IsFloating(graph.type(id).dtype)) return;
    xs.push_back(Value{&builder, id.node, id.port});
    names.push_back(graph.value_name(id));
  };
  if (targets == GradientTargets::kAll) {
    for (int n = 0; n < static_cast<int>(graph.nodes().size()); ++n) {
      const Node& node = graph.nodes()[n];
      if (node.op != nullptr && node.inputs.empty()) continue;  // constants
      for (int i = 0; i < static_cast<int>(node.outputs.size()); ++i) {
        if (!node.outputs[i].name.empty()) add({n, i});
      }
    }
  } else if (targets == GradientTargets::kInputs) {
    for (const GraphInput& input : graph.inputs()) add(input.value);
  } else {
    for (const State& state : graph.states()) {
      if (state.trained && !state.frozen) add(state.now);
    }
  }
  GradientOptions options;
  options.mutation = mutation;
  if (!upstream_input.empty()) options.upstream = {builder.Input(upstream_input, loss.type())};
  const std::vector<Value> gradients = Gradients(builder, {loss}, xs, options);
  for (size_t i = 0; i < xs.size(); ++i) {
    if (!gradients[i]) continue;
    builder.Gradient(names[i], gradients[i]);
    builder.Output(gradients[i]);
  }
  return std::move(builder).Build();
}

}  // namespace flowgrad
