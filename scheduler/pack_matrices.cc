// Right factors of products, packed once for all who read them.

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "base/status_macros.h"
#include "scheduler/cuts.h"
#include "scheduler/lower.h"
#include "scheduler/planner_ops.h"

namespace flowgrad {
namespace {

// Half of a core's second-level cache.
constexpr int64_t kBytesNear = 512 << 10;

// What the run computes row by row, the gradient of a layer's output, and what stays near while the
// tiles of a weight's gradient read it: as fast where it lies.
bool IsNear(const BoundGraph& bound, const Layout& b) {
  return bound.storages[b.storage].source == Storage::Source::kComputed && b.strides[1] == 1 &&
         NumElements(b.dims) * DTypeSize(b.dtype) <= kBytesNear;
}

// Products of few rows are cut along their columns: each piece packs its own columns on the way, or
// reads them where they lie. A form kept beside the weight would be as large, written once and read
// once in a step.
bool ShouldPack(const BoundGraph& bound, const BoundOp& op) {
  if (op.op->name() != "MatMul" || op.inputs[0].dims.size() < 2) return false;
  const Layout& b = op.inputs[1];
  if (b.dims.size() != 2 || NumElements(b.dims) == 0 || IsNear(bound, b)) return false;
  return NumElements(op.inputs[0].dims) / std::max<int64_t>(1, b.dims[0]) >= kFewRows;
}

// Gives products packed right factors. A weight's packed form is kept from run to run; where the
// run updates the weight, it also packs the next value, tile by tile as they are updated.
class MatrixPacker {
 public:
  MatrixPacker(BoundGraph& bound, const PlanOptions& options)
      : bound_(bound),
        options_(options),
        num_states_(static_cast<int32_t>(bound.graph->states().size())) {}

  absl::Status Pack() {
    std::vector<BoundOp> ops = std::move(bound_.ops);
    bound_.ops.clear();
    for (BoundOp& op : ops) {
      if (ShouldPack(bound_, op)) RETURN_IF_ERROR(TakePacked(op));
      PushOp(bound_, std::move(op));
    }
    for (NextForm& next : next_) {
      bound_.updates.push_back({next.slot, next.pack.outputs[0]});
      PushOp(bound_, std::move(next.pack));
    }
    return absl::OkStatus();
  }

 private:
  // What packs the value that a state will have after the run.
  struct NextForm {
    int32_t slot;
    BoundOp pack;
  };

  absl::Status TakePacked(BoundOp& op) {
    const Layout b = op.inputs[1];
    Layout& form = forms_[{b.storage, b.offset, b.dims, b.strides}];
    if (!form.present) {
      ASSIGN_OR_RETURN(form, MakeForm(b, op));
    }
    Layout shape_only = b;
    shape_only.storage = -1;
    const std::vector<Layout> outputs = op.outputs;
    const size_t num_storages = bound_.storages.size();
    ASSIGN_OR_RETURN(
        op, MakeOp(bound_, PackedMatMulOp(), {op.inputs[0], form, shape_only}, op.node, op.name));
    op.outputs = outputs;
    bound_.storages.resize(num_storages);
    return absl::OkStatus();
  }

  // As rows of slivers, whatever op made it.
  Layout AsMatrix(Layout packed) const {
    if (packed.dims.size() == 2) return packed;
    packed.dims = {packed.dims[0] * packed.dims[2], packed.dims[1]};
    packed.strides = ContiguousStrides(packed.dims);
    return packed;
  }

  absl::StatusOr<Layout> MakeForm(const Layout& b, const BoundOp& product) {
    const Layout next = options_.cache ? NextOf(b) : Layout();
    // Rows of a weight are updated together: they are columns of its transpose.
    const OpDef& def = next.present && b.strides[1] == 1 ? PackRowsOp() : PackOp();
    ASSIGN_OR_RETURN(BoundOp pack, MakeOp(bound_, def, {b}, product.node, product.name));
    const Layout packed = AsMatrix(pack.outputs[0]);
    if (!next.present) {
      PushOp(bound_, std::move(pack));
      return packed;
    }
    Storage& storage = bound_.storages[packed.storage];
    storage.source = Storage::Source::kState;
    storage.slot = num_states_ + static_cast<int32_t>(bound_.caches.size());
    if (next.storage != b.storage) {
      const int32_t slot = storage.slot;
      ASSIGN_OR_RETURN(BoundOp again, MakeOp(bound_, def, {next}, product.node, product.name));
      next_.push_back({slot, std::move(again)});
    }
    bound_.caches.push_back({packed.storage, std::move(pack)});
    return packed;
  }

  // A state's layout as it lies in the value after the run: itself where no run updates it; absent
  // where the form cannot be kept.
  Layout NextOf(const Layout& b) const {
    const Storage& storage = bound_.storages[b.storage];
    if (storage.source != Storage::Source::kState || storage.slot >= num_states_) return Layout();
    for (const BoundGraph::NextState& update : bound_.updates) {
      if (update.state != storage.slot) continue;
      if (!IsWhole(bound_, update.next)) return Layout();
      if (bound_.storages[update.next.storage].source != Storage::Source::kComputed) {
        return Layout();
      }
      Layout next = b;
      next.storage = update.next.storage;
      return next;
    }
    return b;
  }

  BoundGraph& bound_;
  const PlanOptions& options_;
  const int32_t num_states_;
  std::map<std::tuple<int32_t, int64_t, Dims, Dims>, Layout> forms_;
  std::vector<NextForm> next_;
};

}  // namespace

absl::Status PackMatrices(BoundGraph& bound, const PlanOptions& options) {
  return options.pack ? MatrixPacker(bound, options).Pack() : absl::OkStatus();
}

}  // namespace flowgrad
