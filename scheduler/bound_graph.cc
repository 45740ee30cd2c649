#include "scheduler/bound_graph.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/memory.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "ops/run_op.h"
#include "scheduler/feeds.h"
#include "scheduler/planner_ops.h"

namespace flowgrad {
namespace {

// Constants larger than this are computed at every run rather than kept.
constexpr int64_t kMostBytesFolded = 1 << 20;

TensorType TypeOf(DType dtype, const Dims& dims) { return {dtype, ToSymbolic(dims)}; }

// Fills in what follows from the op and its shapes.
absl::Status CompleteOp(BoundOp& op) {
  const ShapeContext& shapes = op.shapes.context();
  op.kernel = op.op->kernel(shapes.dtype());
  op.block = op.op->block(shapes.dtype());
  if (op.kernel == nullptr) {
    return absl::UnimplementedError(
        absl::StrCat("op has no kernel for dtype ", DTypeName(shapes.dtype())));
  }
  if (op.op->prepare() != nullptr) {
    ASSIGN_OR_RETURN(op.prepared, op.op->prepare()(shapes));
  }
  op.nest = op.op->Loops(shapes);
  op.cost_ns = op.op->CostNs(shapes);
  op.in_place = op.op->in_place();
  if (op.block.run == nullptr) return absl::OkStatus();
  for (int output = 0; output < shapes.num_outputs(); ++output) {
    for (int input = 0; input < shapes.num_inputs(); ++input) {
      op.in_place.emplace_back(output, input);
    }
  }
  return absl::OkStatus();
}

// Gives the op's outputs storages, those that may be left out only if they are read.
void AddOutputs(BoundGraph& bound, BoundOp& op, const std::vector<bool>& read) {
  const ShapeContext& shapes = op.shapes.context();
  for (int i = 0; i < shapes.num_outputs(); ++i) {
    op.outputs.emplace_back();
    if (!read[i] && op.op->output_port(i).optional) continue;
    Storage storage;
    storage.dtype = shapes.output(i).dtype;
    storage.dims = shapes.output_dims(i);
    bound.storages.push_back(std::move(storage));
    op.outputs.back() = WholeOf(bound, static_cast<int32_t>(bound.storages.size() - 1));
  }
}

class Binder {
 public:
  Binder(std::shared_ptr<const Graph> graph, const PlanOptions& options)
      : graph_(*graph), options_(options) {
    bound_.graph = std::move(graph);
    for (const Node& node : graph_.nodes()) values_.emplace_back(node.outputs.size());
    wanted_.resize(graph_.nodes().size());
  }

  absl::Status Bind(const FedTypes& fed, const std::vector<std::string>& fetches,
                    bool update_states) {
    std::vector<ValueId> fetched;
    for (const std::string& name : fetches) {
      ASSIGN_OR_RETURN(const ValueId value, FindFetch(graph_, name));
      fetched.push_back(value);
      Want(value);
    }
    for (const State& state : graph_.states()) {
      if (update_states && state.next.present()) Want(state.next);
    }
    WantInputsOfWanted();
    RETURN_IF_ERROR(BindInputs(fed));
    BindStates();
    for (int n = 0; n < static_cast<int>(graph_.nodes().size()); ++n) {
      if (wanted_[n].empty()) continue;
      const Node& node = graph_.nodes()[n];
      const absl::Status status = node.op != nullptr ? BindNode(n)
                                  : values_[n][0].present
                                      ? absl::OkStatus()
                                      : absl::InvalidArgumentError("must be given a value");
      if (!status.ok()) return AtNode(status, node.name, node.kind());
    }
    for (const ValueId& value : fetched) bound_.fetched.push_back(LayoutOf(value));
    for (size_t s = 0; s < graph_.states().size(); ++s) {
      const ValueId next = graph_.states()[s].next;
      if (!update_states || !next.present() || next == graph_.states()[s].now) continue;
      bound_.updates.push_back({static_cast<int32_t>(s), LayoutOf(next)});
    }
    return absl::OkStatus();
  }

  BoundGraph TakeGraph() { return std::move(bound_); }

 private:
  const Layout& LayoutOf(ValueId value) const { return values_[value.node][value.port]; }

  void Want(ValueId value) {
    std::vector<bool>& ports = wanted_[value.node];
    ports.resize(graph_.node(value).outputs.size());
    ports[value.port] = true;
  }
  void WantInputsOfWanted() {
    for (int n = static_cast<int>(graph_.nodes().size()) - 1; n >= 0; --n) {
      if (wanted_[n].empty()) continue;
      for (const ValueId& input : graph_.nodes()[n].inputs) {
        if (input.present()) Want(input);
      }
    }
  }

  int32_t AddStorage(Storage storage) {
    bound_.storages.push_back(std::move(storage));
    return static_cast<int32_t>(bound_.storages.size() - 1);
  }
  Layout AddConstant(const Tensor& tensor) {
    Storage storage;
    storage.source = Storage::Source::kConstant;
    storage.dtype = tensor.dtype();
    storage.dims = tensor.dims();
    storage.constant = tensor.Contiguous();
    return WholeOf(bound_, AddStorage(std::move(storage)));
  }
  // The value of a layout that is known, else absent.
  Tensor ConstantOf(const Layout& layout) const {
    if (layout.storage < 0) return Tensor();
    const Storage& storage = bound_.storages[layout.storage];
    if (storage.source != Storage::Source::kConstant) return Tensor();
    return storage.constant.WithLayout(layout.dims, layout.strides, layout.offset);
  }

  absl::Status BindInputs(const FedTypes& fed) {
    SymbolValues symbols;
    for (const auto& [name, type] : fed) {
      RETURN_IF_ERROR(FindFeed(graph_, name).status());
    }
    for (size_t i = 0; i < graph_.inputs().size(); ++i) {
      const GraphInput& input = graph_.inputs()[i];
      const TensorType& declared = graph_.type(input.value);
      bound_.batch_dims.push_back(declared.rank() > 0 && !declared.shape[0].known());
      const auto given = fed.find(input.name);
      if (given == fed.end() && !input.default_value.present()) continue;
      const TensorType type = given == fed.end() ? input.default_value.type() : given->second;
      RETURN_IF_ERROR(
          BindSymbols(absl::StrCat("input ", Quoted(input.name)), declared, type, symbols));
      Layout& layout = values_[input.value.node][input.value.port];
      if (given == fed.end()) {
        layout = AddConstant(input.default_value);
        continue;
      }
      Storage storage;
      storage.source = Storage::Source::kInput;
      storage.dtype = type.dtype;
      storage.dims = KnownDims(type.shape);
      storage.slot = static_cast<int32_t>(i);
      layout = WholeOf(bound_, AddStorage(std::move(storage)));
    }
    return absl::OkStatus();
  }

  void BindStates() {
    for (size_t s = 0; s < graph_.states().size(); ++s) {
      const ValueId now = graph_.states()[s].now;
      Storage storage;
      storage.source = Storage::Source::kState;
      storage.dtype = graph_.type(now).dtype;
      storage.dims = KnownDims(graph_.type(now).shape);
      storage.slot = static_cast<int32_t>(s);
      values_[now.node][now.port] = WholeOf(bound_, AddStorage(std::move(storage)));
    }
  }

  absl::Status BindNode(int n) {
    const Node& node = graph_.nodes()[n];
    const int num_outputs = static_cast<int>(node.outputs.size());
    std::vector<Layout> inputs;
    std::vector<std::optional<BoundShapes::Input>> types;
    bool is_foldable = !node.op->random() && !node.op->can_fail();
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId input = node.inputs[i];
      inputs.push_back(input.present() ? LayoutOf(input) : Layout());
      types.emplace_back();
      if (!input.present()) continue;
      Layout& layout = inputs.back();
      types.back() = BoundShapes::Input{TypeOf(layout.dtype, layout.dims), ConstantOf(layout)};
      if (node.op->reads_shape_only(static_cast<int>(i))) {
        layout.storage = -1;
      } else {
        is_foldable = is_foldable && types.back()->value.present();
      }
    }
    ASSIGN_OR_RETURN(const BoundShapes shapes,
                     BoundShapes::Make(node.op, &node.attributes, std::move(types), num_outputs));
    int64_t bytes = 0;
    for (int i = 0; i < num_outputs; ++i) {
      const TensorType& type = shapes.context().output(i);
      if (!IsKnown(type.shape)) {
        return absl::UnimplementedError(
            absl::StrCat("output ", Quoted(node.op->output_port(i).name), " ", type.ToString(),
                         " has a shape that depends on the values of what is fed"));
      }
    }
    RETURN_IF_ERROR(shapes.CheckKnown());
    for (int i = 0; i < num_outputs; ++i) {
      const TensorType& type = shapes.context().output(i);
      // Of integers, others' shapes may be made.
      if (!options_.fold && IsFloating(type.dtype)) is_foldable = false;
      const int64_t output_bytes = NumElements(KnownDims(type.shape)) * DTypeSize(type.dtype);
      RETURN_IF_ERROR(CheckFitsMemory(
          absl::StrCat("output ", Quoted(node.op->output_port(i).name), " ", type.ToString()),
          output_bytes));
      bytes += output_bytes;
    }
    if (node.op->body() == OpDef::Body::kView && !inputs.empty()) {
      return BindView(n, shapes.context(), inputs[0]);
    }
    if (is_foldable && bytes <= kMostBytesFolded) return Fold(n, inputs);
    return AppendNode(n, shapes, std::move(inputs));
  }

  // Layouts of the outputs of a view op: in the input's storage, or in a copy of it.
  absl::Status BindView(int n, const ShapeContext& shapes, Layout input) {
    const OpDef& op = shapes.op();
    for (int i = 0; i < shapes.num_outputs(); ++i) {
      ViewMap map;
      if (!op.view()(shapes, input.strides, i, map)) {
        ASSIGN_OR_RETURN(BoundOp copy,
                         MakeOp(bound_, CopyOp(), {input}, n, graph_.nodes()[n].name));
        input = copy.outputs[0];
        PushOp(bound_, std::move(copy));
        map = ViewMap();
        if (!op.view()(shapes, input.strides, i, map)) {
          return absl::InternalError("view op refuses even a contiguous input");
        }
      }
      Layout& output = values_[n][i];
      output = input;
      output.offset += map.offset;
      output.dims = shapes.output_dims(i);
      output.strides = map.strides;
    }
    return absl::OkStatus();
  }

  // Computes a node of which everything is known.
  absl::Status Fold(int n, const std::vector<Layout>& inputs) {
    const Node& node = graph_.nodes()[n];
    std::vector<Tensor> tensors;
    for (const Layout& input : inputs) {
      tensors.push_back(
          !input.present ? Tensor()
          : input.storage >= 0
              ? ConstantOf(input)
              : Tensor(input.dtype, {1}).WithLayout(input.dims, Dims(input.dims.size(), 0), 0));
    }
    ASSIGN_OR_RETURN(const OpCall call, OpCall::Make(node.op, &node.attributes, std::move(tensors),
                                                     static_cast<int>(node.outputs.size())));
    ASSIGN_OR_RETURN(const std::vector<Tensor> outputs,
                     call.Run(StepValues(), node.stream, &wanted_[n]));
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i].present()) values_[n][i] = AddConstant(outputs[i]);
    }
    return absl::OkStatus();
  }

  absl::Status AppendNode(int n, const BoundShapes& shapes, std::vector<Layout> inputs) {
    const Node& node = graph_.nodes()[n];
    BoundOp op;
    op.op = node.op;
    op.node = n;
    op.name = node.name;
    op.stream = node.stream;
    op.shapes = shapes;
    op.inputs = std::move(inputs);
    RETURN_IF_ERROR(CompleteOp(op));
    AddOutputs(bound_, op, wanted_[n]);
    for (size_t i = 0; i < op.outputs.size(); ++i) values_[n][i] = op.outputs[i];
    PushOp(bound_, std::move(op));
    return absl::OkStatus();
  }

  const Graph& graph_;
  const PlanOptions& options_;
  BoundGraph bound_;
  std::vector<std::vector<Layout>> values_;  // by node and port
  std::vector<std::vector<bool>> wanted_;    // by node: empty, or whether each port is read
};

// Drops ops that nothing reads: what constants made needless.
void DropDeadOps(BoundGraph& bound) {
  std::vector<bool> live(bound.storages.size());
  const auto use = [&](const Layout& layout) {
    if (layout.storage >= 0) live[layout.storage] = true;
  };
  for (const Layout& layout : bound.fetched) use(layout);
  for (const BoundGraph::NextState& update : bound.updates) use(update.next);
  std::vector<bool> keeps(bound.ops.size());
  for (int o = static_cast<int>(bound.ops.size()) - 1; o >= 0; --o) {
    const BoundOp& op = bound.ops[o];
    keeps[o] = op.op->can_fail();
    for (const Layout& output : op.outputs) {
      if (output.storage >= 0 && live[output.storage]) keeps[o] = true;
    }
    if (!keeps[o]) continue;
    for (const Layout& input : op.inputs) use(input);
  }
  std::vector<BoundOp> all = std::move(bound.ops);
  bound.ops.clear();
  for (size_t o = 0; o < all.size(); ++o) {
    if (keeps[o]) PushOp(bound, std::move(all[o]));
  }
}

}  // namespace

absl::StatusOr<BoundGraph> BindGraph(std::shared_ptr<const Graph> graph, const FedTypes& fed,
                                     const std::vector<std::string>& fetches, bool update_states,
                                     const PlanOptions& options) {
  Binder binder(std::move(graph), options);
  RETURN_IF_ERROR(binder.Bind(fed, fetches, update_states));
  BoundGraph bound = binder.TakeGraph();
  DropDeadOps(bound);
  return bound;
}

absl::StatusOr<BoundOp> MakeOp(BoundGraph& bound, const OpDef& def, std::vector<Layout> inputs,
                               int32_t node, const std::string& name) {
  BoundOp op;
  op.op = &def;
  op.node = node;
  op.name = name;
  op.inputs = std::move(inputs);
  std::vector<std::optional<BoundShapes::Input>> types;
  for (const Layout& input : op.inputs) {
    types.push_back(BoundShapes::Input{TypeOf(input.dtype, input.dims), Tensor()});
  }
  ASSIGN_OR_RETURN(op.shapes, BoundShapes::Make(&def, &NoAttributes(), std::move(types), 1));
  RETURN_IF_ERROR(CompleteOp(op));
  AddOutputs(bound, op, {true});
  return op;
}

absl::Status RebindOp(BoundOp& op) {
  std::vector<std::optional<BoundShapes::Input>> types;
  for (const Layout& input : op.inputs) {
    types.emplace_back();
    if (input.present) types.back() = BoundShapes::Input{TypeOf(input.dtype, input.dims), Tensor()};
  }
  const ShapeContext& shapes = op.shapes.context();
  ASSIGN_OR_RETURN(op.shapes, BoundShapes::Make(op.op, &shapes.attributes(), std::move(types),
                                                shapes.num_outputs()));
  return CompleteOp(op);
}

void PushOp(BoundGraph& bound, BoundOp op) {
  for (const Layout& output : op.outputs) {
    if (output.storage >= 0) {
      bound.storages[output.storage].op = static_cast<int32_t>(bound.ops.size());
    }
  }
  bound.ops.push_back(std::move(op));
}

Layout WholeOf(const BoundGraph& bound, int32_t index) {
  const Storage& storage = bound.storages[index];
  Layout layout;
  layout.storage = index;
  layout.present = true;
  layout.dtype = storage.dtype;
  layout.dims = storage.dims;
  layout.strides = ContiguousStrides(storage.dims);
  return layout;
}

bool IsContiguous(const Layout& layout) {
  int64_t stride = 1;
  for (int d = static_cast<int>(layout.dims.size()) - 1; d >= 0; --d) {
    if (layout.dims[d] != 1 && layout.strides[d] != stride) return false;
    stride *= layout.dims[d];
  }
  return true;
}

bool SameLayout(const Layout& a, const Layout& b) {
  return a.storage == b.storage && a.offset == b.offset && a.dtype == b.dtype && a.dims == b.dims &&
         a.strides == b.strides;
}

bool IsWhole(const BoundGraph& bound, const Layout& layout) {
  return layout.storage >= 0 && layout.offset == 0 &&
         layout.dims == bound.storages[layout.storage].dims && IsContiguous(layout);
}

}  // namespace flowgrad
