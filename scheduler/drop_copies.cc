// Values that are only copied into another order are written in that order at once.
//
// before: y = MatMul(a, b) [N,4,64,32];  copy = Copy(y seen as [N,64,4,32])
// after:  copy seen as [N,4,64,32] = MatMul(a, b)
//
// Such a copy comes from a Reshape of a Transpose: the heads of an attention joined again.

#include <utility>
#include <vector>

#include "scheduler/lower.h"
#include "scheduler/planner_ops.h"

namespace flowgrad {
namespace {

// `whole` is all of a storage, `order` the same elements with the dims in another order, `target`
// a storage with the dims of `order`. Gives the strides by which the dims of `whole` run through
// `target`, or none if `order` is more than another order.
Dims StridesThrough(const Layout& target, const Layout& order, const Layout& whole) {
  if (order.offset != 0 || NumElements(whole.dims) == 0 ||
      NumElements(order.dims) != NumElements(whole.dims)) {
    return {};
  }
  Dims strides(whole.dims.size(), 1);
  for (size_t j = 0; j < whole.dims.size(); ++j) {
    if (whole.dims[j] == 1) continue;
    size_t d = 0;
    while (d < order.dims.size() &&
           (order.dims[d] != whole.dims[j] || order.strides[d] != whole.strides[j])) {
      ++d;
    }
    if (d == order.dims.size()) return {};
    strides[j] = target.strides[d];
  }
  return strides;
}

// Sums that may be cut into parts want their result row by row.
bool MayWriteAnyStrides(const BoundOp& op) {
  for (const Axis& axis : op.nest.axes) {
    if (axis.kind == Axis::kReduced) return false;
  }
  return true;
}

}  // namespace

void DropCopies(BoundGraph& bound) {
  std::vector<int> uses(bound.storages.size());
  const auto use = [&](const Layout& layout) {
    if (layout.storage >= 0) ++uses[layout.storage];
  };
  for (const BoundOp& op : bound.ops) {
    for (const Layout& input : op.inputs) use(input);
  }
  for (const Layout& layout : bound.fetched) use(layout);
  for (const BoundGraph::NextState& update : bound.updates) use(update.next);

  std::vector<bool> dropped(bound.ops.size());
  for (size_t o = 0; o < bound.ops.size(); ++o) {
    const BoundOp& copy = bound.ops[o];
    if (copy.op != &CopyOp()) continue;
    const Layout &from = copy.inputs[0], &to = copy.outputs[0];
    const int32_t producer = from.storage < 0 ? -1 : bound.storages[from.storage].op;
    if (producer < 0 || uses[from.storage] != 1 || dropped[producer]) continue;
    if (!MayWriteAnyStrides(bound.ops[producer])) continue;
    for (Layout& output : bound.ops[producer].outputs) {
      if (output.storage != from.storage) continue;
      const Dims strides = StridesThrough(to, from, output);
      if (strides.empty()) break;
      output.storage = to.storage;
      output.strides = strides;
      dropped[o] = true;
      break;
    }
  }
  std::vector<BoundOp> ops = std::move(bound.ops);
  bound.ops.clear();
  for (size_t o = 0; o < ops.size(); ++o) {
    if (!dropped[o]) PushOp(bound, std::move(ops[o]));
  }
}

}  // namespace flowgrad
