// What the ops that reduce along axes share: shape rule, loop nest, and how views are walked.

#ifndef FLOWGRAD_OPS_REDUCE_REDUCTION_H_
#define FLOWGRAD_OPS_REDUCE_REDUCTION_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ops/odometer.h"
#include "ops/op.h"

namespace flowgrad {

// The axes of ReductionAxes() and attribute "keepdims".
struct Reduction {
  std::vector<int> axes;  // sorted
  bool keepdims;
};

absl::Status ReductionShape(ShapeContext& context);
absl::StatusOr<Prepared> PrepareReduction(const ShapeContext& context);  // a Reduction

// Kept axes are parallel. A reduced axis may be cut if `sums`, at the chunks of ops/sum.h: the only
// one, or the first dim where all first dims are reduced and their rows make whole chunks.
LoopNest ReductionLoops(const ShapeContext& context, bool sums);

// The dims of one reduction, sorted into what they are for.
struct ReductionLayout {
  Odometer<2> kept;  // of input and output, all kept dims (but the innermost, if columns > 0)
  Odometer<1> rows;  // reduced dims before the last kept one
  int64_t num_rows = 1;
  Odometer<1> lanes;  // reduced dims after the last kept one
  int64_t num_lanes = 1;
  int64_t lane_stride = 1;  // if the lanes lie evenly
  bool even_lanes = true;
  int64_t columns = 0;  // size of the innermost dim, if it is kept
  int64_t x_column = 0, y_column = 0;
};

ReductionLayout LayoutOf(const View& x, const View& y, const Reduction& reduction);

// `reduced`, in the shape of the op's output, stretched to the shape of its input 0: a view.
absl::StatusOr<Value> ExpandReduced(const GradientContext& context, Value reduced);

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_REDUCE_REDUCTION_H_
