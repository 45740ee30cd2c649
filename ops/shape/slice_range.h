// What Slice and its gradient share: the elements that starts, ends, axes and steps name.

#ifndef FLOWGRAD_OPS_SHAPE_SLICE_RANGE_H_
#define FLOWGRAD_OPS_SHAPE_SLICE_RANGE_H_

#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/statusor.h"
#include "ops/op.h"

namespace flowgrad {

// Elements start, start + step, ... of a dim, `count` of them.
struct SliceRange {
  int64_t start = 0;
  int64_t step = 1;
  int64_t count = 0;
};

// What a node asks for along one dim, as written: negative numbers count from the end, and what
// lies outside is cut off.
struct SliceRequest {
  int64_t start = 0;
  int64_t end = std::numeric_limits<int64_t>::max();
  int64_t step = 1;  // not 0

  SliceRange Of(int64_t dim) const;
  // The number of elements, a symbol where `dim` is one.
  Dim Of(const Dim& dim) const;
  // Whether it names every element in order, whatever the dim.
  bool IsWhole() const;
};

// The request for each dim of a tensor of rank `rank`, from the four inputs starts, ends, axes and
// steps, the first being input `port`.
absl::StatusOr<std::vector<SliceRequest>> SliceRequests(const ShapeContext& context, int rank,
                                                        int port);

// Shape of what the requests leave of `shape`.
SymbolicShape SlicedShape(const SymbolicShape& shape, const std::vector<SliceRequest>& requests);

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_SHAPE_SLICE_RANGE_H_
