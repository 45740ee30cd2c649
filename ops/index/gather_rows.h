// What Gather and its gradient share: rows of a table along an axis, named by indices.
//
// data:    [outer..., size, inner...], the axis being that of `size`
// indices: [index...]
// output:  [outer..., index..., inner...]

#ifndef FLOWGRAD_OPS_INDEX_GATHER_ROWS_H_
#define FLOWGRAD_OPS_INDEX_GATHER_ROWS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ops/odometer.h"
#include "ops/op.h"

namespace flowgrad {

struct GatherAxis {
  int axis;
  int64_t size;  // of the whole axis
};

// The axis of data, input `data`. Checks that "indices", input 1, are int32 or int64.
absl::StatusOr<int> CheckedGatherAxis(const ShapeContext& context, int data);

// The shape of the output for input `data`.
SymbolicShape GatheredShape(const ShapeContext& context, int data, int axis);

// Letters for LoopsOf(): of the data, `axis_letter` being that of the axis; of the indices; and of
// the output.
std::string DataLetters(int rank, int axis, char axis_letter);
std::string IndexLetters(int rank);
std::string GatheredLetters(int rank, int axis, absl::string_view index_letters);

// Element `offset` of int32 or int64 indices.
inline int64_t IndexAt(const View& indices, int64_t offset) {
  return indices.dtype == DType::kInt32 ? indices.as<const int32_t>()[offset]
                                        : indices.as<const int64_t>()[offset];
}

// An odometer over the elements of `gathered`, in order, that keeps the offsets of three operands:
// 0 the data, without the row of the axis, 1 the indices, 2 the gathered. The innermost dim of the
// data, if it is inner, is left out: it is `run` elements long.
struct GatherWalk {
  GatherWalk(const View& data, const View& indices, const View& gathered, int axis);

  Odometer<3> places;
  int64_t row_stride;  // of the data along the axis
  int64_t run = 1;
  int64_t data_step = 0, gathered_step = 0;  // strides along the run
};

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_INDEX_GATHER_ROWS_H_
