#include "ops/reduce/reduction.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/status_macros.h"
#include "ops/functions.h"
#include "ops/shape_functions.h"
#include "ops/sum.h"

namespace flowgrad {

absl::Status ReductionShape(ShapeContext& context) {
  ASSIGN_OR_RETURN(const std::vector<int> axes, ReductionAxes(context));
  context.SetOutput(0, ReducedShape(context.shape(0), axes, context.attributes().Int("keepdims")));
  return absl::OkStatus();
}

absl::StatusOr<Prepared> PrepareReduction(const ShapeContext& context) {
  ASSIGN_OR_RETURN(std::vector<int> axes, ReductionAxes(context));
  return MakePrepared(Reduction{std::move(axes), context.attributes().Int("keepdims") != 0});
}

namespace {

// Where the summed axes are the first dims of several: how many indices of the first are whole
// chunks of rows, and stay so when doubled. 0 where there is no such number.
int64_t GrainOfFirstDim(const std::vector<int>& axes, const Dims& dims) {
  if (axes.size() >= dims.size() || axes.back() != static_cast<int>(axes.size()) - 1) return 0;
  const int64_t rows = NumElements(Dims(dims.begin() + 1, dims.begin() + axes.size()));
  return std::has_single_bit(static_cast<uint64_t>(rows)) ? std::max<int64_t>(1, kRowChunk / rows)
                                                          : 0;
}

}  // namespace

LoopNest ReductionLoops(const ShapeContext& context, bool sums) {
  const std::vector<int> axes = *ReductionAxes(context);
  const Dims dims = context.dims(0);
  const int rank = static_cast<int>(dims.size());
  const bool keepdims = context.attributes().Int("keepdims");
  LoopNest nest;
  std::vector<int8_t> input, output;
  const auto grain_of = [&](int d) -> int64_t {
    if (!sums || axes.size() == 0) return 0;
    if (axes.size() == 1) return d == rank - 1 ? kLaneChunk : kRowChunk;
    return d == 0 ? GrainOfFirstDim(axes, dims) : 0;
  };
  for (int d = 0; d < rank; ++d) {
    const bool reduced = std::binary_search(axes.begin(), axes.end(), d);
    const bool cuttable = !reduced || grain_of(d) > 0;
    input.push_back(cuttable ? static_cast<int8_t>(nest.axes.size()) : -1);
    if (!reduced) output.push_back(static_cast<int8_t>(nest.axes.size()));
    if (reduced && keepdims) output.push_back(-1);
    if (!cuttable) continue;
    Axis axis{.size = dims[d]};
    if (reduced) {
      axis.kind = Axis::kReduced;
      axis.grain = grain_of(d);
    }
    nest.axes.push_back(axis);
  }
  nest.operands = {input};
  if (context.num_inputs() > 1) {
    nest.operands.push_back(std::vector<int8_t>(context.has_input(1), -1));
  }
  nest.operands.push_back(output);
  return nest;
}

ReductionLayout LayoutOf(const View& x, const View& y, const Reduction& reduction) {
  ReductionLayout layout;
  int last_kept = -1;
  for (int d = 0; d < x.rank; ++d) {
    if (!std::binary_search(reduction.axes.begin(), reduction.axes.end(), d)) last_kept = d;
  }
  int y_dim = 0;
  bool first_lane_dim = true;
  for (int d = 0; d < x.rank; ++d) {
    const bool reduced = std::binary_search(reduction.axes.begin(), reduction.axes.end(), d);
    if (reduced && d < last_kept) {
      layout.rows.AddDim(x.dims[d], {x.strides[d]});
      layout.num_rows *= x.dims[d];
    } else if (reduced) {
      layout.lanes.AddDim(x.dims[d], {x.strides[d]});
      layout.num_lanes *= x.dims[d];
      if (x.dims[d] != 1) {
        const int64_t even_stride = x.strides[d] * x.dims[d];
        if (!first_lane_dim && layout.lane_stride != even_stride) layout.even_lanes = false;
        layout.lane_stride = x.strides[d];
        first_lane_dim = false;
      }
    } else if (d == x.rank - 1) {
      layout.columns = x.dims[d];
      layout.x_column = x.strides[d];
      layout.y_column = y.strides[y_dim];
    } else {
      layout.kept.AddDim(x.dims[d], {x.strides[d], y.strides[y_dim]});
    }
    if (!reduced || reduction.keepdims) ++y_dim;
  }
  return layout;
}

absl::StatusOr<Value> ExpandReduced(const GradientContext& context, Value reduced) {
  std::vector<int> dropped;
  if (!context.attributes().Int("keepdims")) {
    ASSIGN_OR_RETURN(dropped, ReductionAxes(context.shapes()));
  }
  return ExpandAlong(reduced, dropped, context.input(0));
}

}  // namespace flowgrad
