// Walking over the indices of several strided operands at once.

#ifndef FLOWGRAD_OPS_ODOMETER_H_
#define FLOWGRAD_OPS_ODOMETER_H_

#include <array>
#include <cstdint>

#include "ops/tensor.h"

namespace flowgrad {

// Counts through an index space in row-major order and keeps, for each of K operands, the offset of
// the element at the current index. Dims are added from the outermost in.
//
//   Odometer<2> outer;
//   outer.AddDim(rows, {x_stride, y_stride});
//   if (outer.empty()) return;
//   do { Work(x + outer.offset(0), y + outer.offset(1)); } while (outer.Next());
template <int K>
class Odometer {
 public:
  void AddDim(int64_t size, std::array<int64_t, K> strides) {
    if (size == 0) empty_ = true;
    if (size == 1) return;
    dims_[rank_] = size;
    strides_[rank_] = strides;
    index_[rank_] = 0;
    ++rank_;
  }

  bool empty() const { return empty_; }
  int64_t offset(int operand) const { return offsets_[operand]; }

  // Goes to the next index; false, and back at the first, after the last.
  bool Next() {
    for (int d = rank_ - 1; d >= 0; --d) {
      for (int k = 0; k < K; ++k) offsets_[k] += strides_[d][k];
      if (++index_[d] < dims_[d]) return true;
      for (int k = 0; k < K; ++k) offsets_[k] -= dims_[d] * strides_[d][k];
      index_[d] = 0;
    }
    return false;
  }

 private:
  int rank_ = 0;
  bool empty_ = false;
  std::array<int64_t, kMaxRank> dims_, index_;
  std::array<std::array<int64_t, K>, kMaxRank> strides_;
  std::array<int64_t, K> offsets_{};
};

// An odometer over all dims of `views[0]` but `axis`. The other views have the same rank and, but
// for `axis`, dims.
template <int K>
Odometer<K> LinesAlong(int axis, const std::array<const View*, K>& views) {
  Odometer<K> lines;
  for (int d = 0; d < views[0]->rank; ++d) {
    if (d == axis) continue;
    std::array<int64_t, K> strides;
    for (int k = 0; k < K; ++k) strides[k] = views[k]->strides[d];
    lines.AddDim(views[0]->dims[d], strides);
  }
  return lines;
}

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_ODOMETER_H_
