// What LayerNormalization and its gradient share: all dims from an axis on, taken as one row.
//
// Sums over a row are those of ops/sum.h; rows do not depend on each other.

#ifndef FLOWGRAD_OPS_NORMALIZE_NORMALIZED_ROWS_H_
#define FLOWGRAD_OPS_NORMALIZE_NORMALIZED_ROWS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ops/odometer.h"
#include "ops/op.h"

namespace flowgrad {

struct NormalizationSpec {
  int axis;
  double epsilon;
};

// Attribute "axis" for the rank of input `x`.
absl::StatusOr<int> NormalizationAxis(const ShapeContext& context, int x);

// That input `i`, if present, broadcasts to the dims of input `x` from the axis on.
absl::Status CheckRowInput(const ShapeContext& context, int i, int x, int axis);

// The shape of input `x` with 1 for every dim of a row: that of a mean.
SymbolicShape RowStatisticsShape(const ShapeContext& context, int x, int axis);

// Letters for LoopsOf() of an operand that is cut between rows.
std::string RowLetters(int axis);

// Bytes of scratch for `count` rows of input `x`.
int64_t RowScratchBytes(const ShapeContext& context, int x, int axis, int count);

// How the rows of a view lie in memory.
template <class T>
class RowLayout {
 public:
  // `dims` are those of a row; the view's are aligned at their end, and 1 is stretched.
  RowLayout(const View& view, absl::Span<const int64_t> dims) {
    const int shift = view.rank - static_cast<int>(dims.size());
    const int rank = static_cast<int>(dims.size());
    for (int d = rank - 1; d >= 0; --d) {
      if (dims[d] != 1 && StrideOf(view, d + shift) != size_) contiguous_ = false;
      size_ *= dims[d];
    }
    for (int d = 0; d < rank; ++d) elements_.AddDim(dims[d], {StrideOf(view, d + shift)});
  }

  int64_t size() const { return size_; }

  // The row that starts at `first`: in its place if it is contiguous, else copied to `copy`.
  const T* Gather(const T* first, T* copy) const {
    if (contiguous_ || size_ == 0) return first;
    Odometer<1> elements = elements_;
    for (int64_t i = 0; i < size_; ++i, elements.Next()) copy[i] = first[elements.offset(0)];
    return copy;
  }
  // Where to write a row that is to start at `first`: there, or to `copy` and then Scatter().
  T* Place(T* first, T* copy) const { return contiguous_ ? first : copy; }
  void Scatter(const T* row, T* first) const {
    if (contiguous_) return;
    Odometer<1> elements = elements_;
    for (int64_t i = 0; i < size_; ++i, elements.Next()) first[elements.offset(0)] = row[i];
  }

 private:
  static int64_t StrideOf(const View& view, int d) {
    return d < 0 || view.dims[d] == 1 ? 0 : view.strides[d];
  }

  int64_t size_ = 1;
  bool contiguous_ = true;
  Odometer<1> elements_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_NORMALIZE_NORMALIZED_ROWS_H_
