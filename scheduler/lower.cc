#include "scheduler/lower.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "base/status_macros.h"
#include "ops/block_space.h"
#include "scheduler/planner_ops.h"

namespace flowgrad {
namespace {

// Elements of a stretched constant at most: a larger one would cost more to read than to stretch.
constexpr int64_t kMostElementsSpread = 1024;

// A sum of more tensors reads them one after the other, and writes once.
constexpr size_t kMostTermsSplit = 4;

// Who reads each storage, by op.
std::vector<std::vector<int32_t>> ReadersOf(const BoundGraph& bound) {
  std::vector<std::vector<int32_t>> readers(bound.storages.size());
  for (size_t o = 0; o < bound.ops.size(); ++o) {
    for (const Layout& input : bound.ops[o].inputs) {
      if (input.storage < 0) continue;
      std::vector<int32_t>& list = readers[input.storage];
      if (list.empty() || list.back() != static_cast<int32_t>(o)) {
        list.push_back(static_cast<int32_t>(o));
      }
    }
  }
  return readers;
}

// Finds places one after the other, and keeps the order that they ask for free of cycles.
class HomeFinder {
 public:
  HomeFinder(BoundGraph& bound, const PlanOptions& options, std::vector<Home>& homes)
      : bound_(bound), options_(options), homes_(homes), readers_(ReadersOf(bound)) {
    homes_.resize(bound.storages.size());
    for (size_t s = 0; s < homes_.size(); ++s) {
      const Storage& storage = bound.storages[s];
      homes_[s].slot = storage.slot;
      if (storage.source == Storage::Source::kInput) homes_[s].space = Space::kInput;
      if (storage.source == Storage::Source::kState) homes_[s].space = Space::kState;
      if (storage.source == Storage::Source::kConstant) homes_[s].space = Space::kConstant;
    }
    extra_.resize(bound.ops.size() + 1);
  }

  absl::Status PlaceUpdate(const BoundGraph::NextState& update) {
    if (!options_.guard_states && CanWriteInPlace(update)) {
      Home& home = homes_[update.next.storage];
      home.space = Space::kState;
      home.slot = update.state;
      const int32_t writer = bound_.storages[update.next.storage].op;
      for (const int32_t reader : readers_[StateStorage(update.state)]) {
        if (reader != writer) extra_[reader].push_back(writer);
      }
      extra_[Gate()].push_back(writer);
      return absl::OkStatus();
    }
    return Copy(update.next, Space::kState, update.state);
  }

  absl::Status PlaceFetch(int32_t index, const Layout& layout) {
    if (IsWhole(bound_, layout) && homes_[layout.storage].space == Space::kArena) {
      homes_[layout.storage].space = Space::kOutput;
      homes_[layout.storage].slot = index;
      return absl::OkStatus();
    }
    return Copy(layout, Space::kOutput, index);
  }

 private:
  int32_t Gate() const { return static_cast<int32_t>(num_ops_); }

  int32_t StateStorage(int32_t state) const {
    for (size_t s = 0; s < bound_.storages.size(); ++s) {
      const Storage& storage = bound_.storages[s];
      if (storage.source == Storage::Source::kState && storage.slot == state) {
        return static_cast<int32_t>(s);
      }
    }
    return -1;
  }

  // A copy has no readers, so it may wait for anything. One of a state goes through the arena: the
  // state may be overwritten before the copy may be written.
  absl::Status Copy(Layout layout, Space space, int32_t slot) {
    if (space == Space::kState &&
        bound_.storages[layout.storage].source == Storage::Source::kState) {
      ASSIGN_OR_RETURN(layout, AppendCopy(layout, Space::kArena, 0));
    }
    return AppendCopy(layout, space, slot).status();
  }

  absl::StatusOr<Layout> AppendCopy(const Layout& layout, Space space, int32_t slot) {
    const int32_t producer = bound_.storages[layout.storage].op;
    const int32_t node = producer >= 0 ? bound_.ops[producer].node : -1;
    ASSIGN_OR_RETURN(BoundOp copy,
                     MakeOp(bound_, CopyOp(), {layout}, node,
                            producer >= 0 ? bound_.ops[producer].name : std::string("copy")));
    homes_.push_back({space, slot, -1});
    const Layout output = copy.outputs[0];
    PushOp(bound_, std::move(copy));
    return output;
  }

  // The value must be an op's own, and every other reader of the state, and every op that can fail,
  // must be able to come before that op.
  bool CanWriteInPlace(const BoundGraph::NextState& update) {
    const Layout& next = update.next;
    if (!IsWhole(bound_, next) || homes_[next.storage].space != Space::kArena) return false;
    const int32_t writer = bound_.storages[next.storage].op;
    const BoundOp& op = bound_.ops[writer];
    const int32_t state = StateStorage(update.state);
    int output = 0;
    while (op.outputs[output].storage != next.storage) ++output;
    for (int i = 0; i < static_cast<int>(op.inputs.size()); ++i) {
      if (op.inputs[i].storage == state && !MayShare(op, i, output)) return false;
    }
    if (op.op->can_fail()) return false;
    std::vector<bool> must_precede(num_ops_ + 1);
    for (const int32_t reader : readers_[state]) must_precede[reader] = reader != writer;
    must_precede[Gate()] = true;
    for (size_t o = 0; o < num_ops_; ++o) {
      if (bound_.ops[o].op->can_fail()) must_precede[o] = true;
    }
    return !Reaches(writer, must_precede);
  }

  bool Reaches(int32_t from, const std::vector<bool>& targets) const {
    std::vector<bool> seen(num_ops_ + 1);
    std::vector<int32_t> open = {from};
    const auto visit = [&](int32_t op) {
      if (seen[op]) return;
      seen[op] = true;
      open.push_back(op);
    };
    while (!open.empty()) {
      const int32_t op = open.back();
      open.pop_back();
      for (const int32_t next : extra_[op]) {
        if (targets[next]) return true;
        visit(next);
      }
      if (op == Gate()) continue;
      for (const Layout& output : bound_.ops[op].outputs) {
        if (output.storage < 0 || output.storage >= static_cast<int32_t>(readers_.size())) continue;
        for (const int32_t next : readers_[output.storage]) {
          if (targets[next]) return true;
          visit(next);
        }
      }
    }
    return false;
  }

  BoundGraph& bound_;
  const PlanOptions& options_;
  std::vector<Home>& homes_;
  const std::vector<std::vector<int32_t>> readers_;  // by storage, without the copies added here
  const size_t num_ops_ = bound_.ops.size();
  std::vector<std::vector<int32_t>> extra_;  // by op, the gate last: ops that must come after it
};

// An elementwise op whose input nobody else reads writes over it.
void ShareInPlace(const BoundGraph& bound, std::vector<Home>& homes) {
  const std::vector<std::vector<int32_t>> readers = ReadersOf(bound);
  for (const BoundOp& op : bound.ops) {
    std::vector<bool> taken(op.inputs.size());
    for (int out = 0; out < static_cast<int>(op.outputs.size()); ++out) {
      const int32_t output = op.outputs[out].storage;
      if (output < 0 || homes[output].space != Space::kArena) continue;
      for (int in = 0; in < static_cast<int>(op.inputs.size()); ++in) {
        const int32_t input = op.inputs[in].storage;
        if (input < 0 || homes[input].space != Space::kArena || readers[input].size() != 1 ||
            !MayShare(op, in, out)) {
          continue;
        }
        // The same input at two ports is taken once.
        bool free = true;
        for (int other = 0; other < static_cast<int>(op.inputs.size()); ++other) {
          if (op.inputs[other].storage != input) continue;
          if (taken[other] || !MayShare(op, other, out)) free = false;
        }
        if (!free) continue;
        for (int other = 0; other < static_cast<int>(op.inputs.size()); ++other) {
          if (op.inputs[other].storage == input) taken[other] = true;
        }
        homes[output].in_place_of = RootOf(homes, input);
        break;
      }
    }
  }
}

// The sum of `terms`, from the first to the last, in the place of `op`.
absl::Status PushSum(BoundGraph& bound, const BoundOp& op, const std::vector<Layout>& terms) {
  Layout sum = terms[0];
  for (size_t i = 1; i < terms.size(); ++i) {
    const size_t num_storages = bound.storages.size();
    ASSIGN_OR_RETURN(BoundOp add, MakeOp(bound, AddOp(), {sum, terms[i]}, op.node, op.name));
    if (i == terms.size() - 1) {
      add.outputs = op.outputs;
      bound.storages.resize(num_storages);
    }
    sum = add.outputs[0];
    PushOp(bound, std::move(add));
  }
  return absl::OkStatus();
}

// Whether every sum is of one element: 0 + x, by ops/sum.h.
bool SumsSingleElements(const BoundOp& op) {
  const int64_t elements = NumElements(op.outputs[0].dims);
  return elements > 0 && elements == NumElements(op.inputs[0].dims);
}

// `x` with the dims of `like`, which are its own but for some of size 1.
Layout WithDimsOf(const Layout& like, const Layout& x) {
  Layout layout = x;
  layout.dims = like.dims;
  layout.strides.assign(like.dims.size(), 0);
  size_t from = 0;
  for (size_t d = 0; d < like.dims.size(); ++d) {
    if (like.dims[d] == 1) continue;
    while (x.dims[from] == 1) ++from;
    layout.strides[d] = x.strides[from++];
  }
  return layout;
}

Layout ZeroOf(BoundGraph& bound, DType dtype) {
  Storage zero;
  zero.source = Storage::Source::kConstant;
  zero.dtype = dtype;
  zero.constant = Tensor::Filled(dtype, {}, 0);
  bound.storages.push_back(std::move(zero));
  return WholeOf(bound, static_cast<int32_t>(bound.storages.size() - 1));
}

}  // namespace

int32_t RootOf(const std::vector<Home>& homes, int32_t storage) {
  while (homes[storage].in_place_of >= 0) storage = homes[storage].in_place_of;
  return storage;
}

bool MayShare(const BoundOp& op, int input, int output) {
  const Layout& from = op.inputs[input];
  const Layout& to = op.outputs[output];
  if (from.dtype != to.dtype || from.dims != to.dims || from.offset != to.offset ||
      from.strides != to.strides) {
    return false;
  }
  return std::find(op.in_place.begin(), op.in_place.end(), std::pair(output, input)) !=
         op.in_place.end();
}

absl::Status SpreadConstants(BoundGraph& bound) {
  std::map<std::tuple<int32_t, int64_t, Dims, Dims, Dims>, Layout> spread_of;
  for (BoundOp& op : bound.ops) {
    if (op.block.run == nullptr) continue;
    const Dims dims = op.shapes.context().output_dims(0);
    const int64_t elements = NumElements(dims);
    if (elements == 0 || elements > kMostElementsSpread) continue;
    bool changed = false;
    for (Layout& input : op.inputs) {
      if (input.storage < 0) continue;
      if (bound.storages[input.storage].source != Storage::Source::kConstant) continue;
      if (input.dims == dims && IsContiguous(input)) continue;
      Layout& made = spread_of[{input.storage, input.offset, input.dims, input.strides, dims}];
      if (!made.present) {
        Storage spread = bound.storages[input.storage];
        const Tensor narrow = spread.constant.WithLayout(input.dims, input.strides, input.offset);
        spread.constant = Tensor(input.dtype, dims);
        spread.dims = dims;
        CopyElements(narrow.view(), spread.constant.view());
        bound.storages.push_back(std::move(spread));
        made = WholeOf(bound, static_cast<int32_t>(bound.storages.size() - 1));
      }
      input = made;
      changed = true;
    }
    if (changed) RETURN_IF_ERROR(RebindOp(op));
  }
  return absl::OkStatus();
}

absl::Status SimplifySums(BoundGraph& bound) {
  std::vector<BoundOp> ops = std::move(bound.ops);
  bound.ops.clear();
  for (BoundOp& op : ops) {
    if (op.op->name() == "Sum" && op.inputs.size() > 1 && op.inputs.size() <= kMostTermsSplit) {
      RETURN_IF_ERROR(PushSum(bound, op, op.inputs));
    } else if (op.op->name() == "ReduceSum" && SumsSingleElements(op)) {
      const Layout x = WithDimsOf(op.outputs[0], op.inputs[0]);
      RETURN_IF_ERROR(PushSum(bound, op, {x, ZeroOf(bound, x.dtype)}));
    } else {
      PushOp(bound, std::move(op));
    }
  }
  return absl::OkStatus();
}

absl::Status FindHomes(BoundGraph& bound, const PlanOptions& options, std::vector<Home>& homes) {
  HomeFinder finder(bound, options, homes);
  for (const BoundGraph::NextState& update : bound.updates) {
    RETURN_IF_ERROR(finder.PlaceUpdate(update));
  }
  for (size_t i = 0; i < bound.fetched.size(); ++i) {
    RETURN_IF_ERROR(finder.PlaceFetch(static_cast<int32_t>(i), bound.fetched[i]));
  }
  if (options.in_place) ShareInPlace(bound, homes);
  return absl::OkStatus();
}

}  // namespace flowgrad
