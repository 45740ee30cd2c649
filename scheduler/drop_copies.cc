// Values that are copied into another order of their dims are written in that order at once.
//
// before: y = MatMul(a, b) [N,4,64,32];  copy = Copy(y seen as [N,64,4,32])
// after:  copy seen as [N,4,64,32] = MatMul(a, b)
//
// Such a copy comes from a Reshape of a Transpose: the heads of an attention joined again. All who
// read y must want the order of the copy, as an array or in another shape.

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "scheduler/lower.h"
#include "scheduler/planner_ops.h"

namespace flowgrad {
namespace {

// `whole` is all of a storage, `order` the same elements with the dims in another order, some of
// them merged, `target` a storage with the dims of `order`. Gives the strides by which the dims of
// `whole` run through `target`, or none if `order` is more than another order.
Dims StridesThrough(const Layout& target, const Layout& order, const Layout& whole) {
  if (order.offset != 0 || NumElements(whole.dims) == 0) return {};
  Dims strides(whole.dims.size(), 1), found(order.dims.size(), 1);
  for (size_t j = 0; j < whole.dims.size(); ++j) {
    if (whole.dims[j] == 1) continue;
    const auto runs_along = [&](size_t d) {
      return order.dims[d] > 1 && order.strides[d] > 0 &&
             whole.strides[j] % order.strides[d] == 0 &&
             whole.strides[j] / order.strides[d] * whole.dims[j] <= order.dims[d];
    };
    size_t d = 0;
    while (d < order.dims.size() && !runs_along(d)) ++d;
    if (d == order.dims.size()) return {};
    strides[j] = target.strides[d] * (whole.strides[j] / order.strides[d]);
    found[d] *= whole.dims[j];
  }
  return found == order.dims ? strides : Dims();
}

// The dims of `whole` from the largest of `strides` to the smallest.
Layout Sorted(const Layout& whole, const Dims& strides) {
  std::vector<size_t> places(strides.size());
  std::iota(places.begin(), places.end(), 0);
  std::stable_sort(places.begin(), places.end(),
                   [&](size_t a, size_t b) { return strides[a] > strides[b]; });
  Layout sorted;
  for (const size_t j : places) {
    sorted.dims.push_back(whole.dims[j]);
    sorted.strides.push_back(whole.strides[j]);
  }
  return sorted;
}

// Whether `layout` is `order` in another shape, one with dims merged.
bool IsReshapeOf(const Layout& layout, const Layout& order) {
  if (layout.offset != 0 || NumElements(layout.dims) != NumElements(order.dims)) return false;
  size_t j = order.dims.size();
  for (size_t d = layout.dims.size(); d-- > 0;) {
    int64_t size = 1;
    while (size < layout.dims[d]) {
      if (j-- == 0) return false;
      if (order.dims[j] == 1) continue;
      if (order.strides[j] != layout.strides[d] * size) return false;
      size *= order.dims[j];
    }
    if (size != layout.dims[d]) return false;
  }
  return true;
}

// Sums that may be cut into parts want their result row by row.
bool MayWriteAnyStrides(const BoundOp& op) {
  for (const Axis& axis : op.nest.axes) {
    if (axis.kind == Axis::kReduced) return false;
  }
  return true;
}

class CopyDropper {
 public:
  explicit CopyDropper(BoundGraph& bound) : bound_(bound), readers_(bound.storages.size()) {
    for (BoundOp& op : bound.ops) {
      for (Layout& input : op.inputs) AddReader(input);
    }
    for (Layout& layout : bound.fetched) AddReader(layout);
    for (BoundGraph::NextState& update : bound.updates) AddReader(update.next);
  }

  // Whether nothing needs this copy any more.
  bool Drop(const BoundOp& copy) {
    const Layout order = copy.inputs[0], target = copy.outputs[0];
    if (order.storage < 0 || bound_.storages[order.storage].op < 0) return false;
    BoundOp& producer = bound_.ops[bound_.storages[order.storage].op];
    if (!MayWriteAnyStrides(producer)) return false;
    Layout* output = producer.outputs.data();
    while (output->storage != order.storage) ++output;
    const Dims strides = StridesThrough(target, order, *output);
    if (strides.empty()) return false;
    const Layout sorted = Sorted(*output, strides);
    for (const Layout* reader : readers_[order.storage]) {
      if (!IsReshapeOf(*reader, sorted)) return false;
    }
    output->storage = target.storage;
    output->strides = strides;
    for (Layout* reader : readers_[order.storage]) {
      reader->storage = target.storage;
      reader->strides = ContiguousStrides(reader->dims);
      readers_[target.storage].push_back(reader);
    }
    bound_.storages[target.storage].op = bound_.storages[order.storage].op;
    return true;
  }

 private:
  void AddReader(Layout& layout) {
    if (layout.storage >= 0) readers_[layout.storage].push_back(&layout);
  }

  BoundGraph& bound_;
  std::vector<std::vector<Layout*>> readers_;  // by storage
};

}  // namespace

void DropCopies(BoundGraph& bound) {
  CopyDropper dropper(bound);
  std::vector<bool> dropped;
  for (const BoundOp& op : bound.ops) dropped.push_back(op.op == &CopyOp() && dropper.Drop(op));
  std::vector<BoundOp> ops = std::move(bound.ops);
  bound.ops.clear();
  for (size_t o = 0; o < ops.size(); ++o) {
    if (!dropped[o]) PushOp(bound, std::move(ops[o]));
  }
}

}  // namespace flowgrad
