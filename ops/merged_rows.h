// Matrices that follow each other in memory are one matrix of more rows.

#ifndef FLOWGRAD_OPS_MERGED_ROWS_H_
#define FLOWGRAD_OPS_MERGED_ROWS_H_

#include <cstdint>

#include "ops/odometer.h"
#include "ops/tensor.h"

namespace flowgrad {

struct MergedRows {
  int batch_dims;  // how many leading dims are left to walk over
  int64_t rows;    // of the matrix that the others and the rows make
};

// For `x` and `y` [...,rows,columns] with the same leading dims and rows.
inline MergedRows MergeRows(const View& x, const View& y) {
  const int row_dim = x.rank - 2;
  MergedRows merged{row_dim, x.dims[row_dim]};
  const auto follows = [&](const View& view, int d) {
    return view.strides[d] == view.strides[row_dim] * merged.rows;
  };
  while (merged.batch_dims > 0) {
    const int d = merged.batch_dims - 1;
    if (x.dims[d] != 1 && !(follows(x, d) && follows(y, d))) break;
    merged.rows *= x.dims[d];
    --merged.batch_dims;
  }
  return merged;
}

// Calls visit(rows, x_offset, y_offset) for every matrix that is left.
template <class Visit>
void ForEachMatrix(const View& x, const View& y, Visit visit) {
  const MergedRows merged = MergeRows(x, y);
  Odometer<2> batch;
  for (int d = 0; d < merged.batch_dims; ++d) {
    batch.AddDim(y.dims[d], {x.strides[d], y.strides[d]});
  }
  if (batch.empty()) return;
  do {
    visit(merged.rows, batch.offset(0), batch.offset(1));
  } while (batch.Next());
}

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_MERGED_ROWS_H_
