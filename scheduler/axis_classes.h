// Which axes of which ops are the same axis.

#ifndef FLOWGRAD_SCHEDULER_AXIS_CLASSES_H_
#define FLOWGRAD_SCHEDULER_AXIS_CLASSES_H_

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "scheduler/bound_graph.h"

namespace flowgrad {

// Sets of axes that are the same axis: those of ops, joined where they run along one dim of one
// storage. Axes of one set may have different sizes: a batch of 16 sequences of 64 seen as 1024
// rows is the batch all the same. Then they are cut where all have a border: a set has as many
// units as all sizes can be divided into.
class AxisClasses {
 public:
  explicit AxisClasses(const BoundGraph& bound) : bound_(bound) {
    for (const Storage& storage : bound.storages) {
      first_dim_.push_back(static_cast<int>(parent_.size()));
      for (const int64_t dim : storage.dims) Add(dim);
    }
    for (const BoundOp& op : bound.ops) {
      first_axis_.push_back(static_cast<int>(parent_.size()));
      for (const Axis& axis : op.nest.axes) Add(axis.size);
    }
    for (size_t o = 0; o < bound.ops.size(); ++o) {
      const BoundOp& op = bound.ops[o];
      const size_t operands =
          std::min(op.nest.operands.size(), op.inputs.size() + op.outputs.size());
      for (size_t i = 0; i < operands; ++i) {
        const Layout& layout =
            i < op.inputs.size() ? op.inputs[i] : op.outputs[i - op.inputs.size()];
        for (size_t d = 0; d < op.nest.operands[i].size(); ++d) {
          const int axis = op.nest.operands[i][d];
          // A dim padded to whole grains is longer than its axis, and not the same.
          const bool same =
              axis >= 0 && layout.present && layout.dims[d] == op.nest.axes[axis].size;
          const int dim = same ? StorageDim(layout, d) : -1;
          if (dim >= 0) Join(first_axis_[o] + axis, dim);
        }
      }
    }
    for (size_t s = 0; s < bound.storages.size(); ++s) {
      const Storage& storage = bound.storages[s];
      if (storage.source == Storage::Source::kInput && bound.batch_dims[storage.slot]) {
        batch_.push_back(Find(first_dim_[s]));
      }
    }
  }

  int ClassOf(int op, int axis) { return Find(first_axis_[op] + axis); }
  bool IsBatch(int axis_class) {
    return std::find_if(batch_.begin(), batch_.end(),
                        [&](int c) { return Find(c) == axis_class; }) != batch_.end();
  }
  int64_t Units(int axis_class) const { return units_[axis_class]; }

 private:
  void Add(int64_t size) {
    parent_.push_back(static_cast<int>(parent_.size()));
    units_.push_back(size);
  }
  int Find(int x) {
    while (parent_[x] != x) x = parent_[x] = parent_[parent_[x]];
    return x;
  }
  void Join(int a, int b) {
    a = Find(a);
    b = Find(b);
    units_[b] = std::gcd(units_[a], units_[b]);
    parent_[a] = b;
  }

  // The dim of the storage that runs along dim `d` of a layout, from end to end, or -1.
  int StorageDim(const Layout& layout, size_t d) const {
    if (layout.storage < 0 || layout.dims[d] < 2) return -1;
    const Dims& dims = bound_.storages[layout.storage].dims;
    const Dims strides = ContiguousStrides(dims);
    for (size_t j = 0; j < dims.size(); ++j) {
      if (dims[j] > 1 && dims[j] * strides[j] == layout.dims[d] * layout.strides[d]) {
        return first_dim_[layout.storage] + static_cast<int>(j);
      }
    }
    return -1;
  }

  const BoundGraph& bound_;
  std::vector<int> first_dim_, first_axis_, parent_, batch_;
  std::vector<int64_t> units_;  // by set
};

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_AXIS_CLASSES_H_
