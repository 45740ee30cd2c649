// ReduceSum: the sum along axes. See Note [What a sum is] in ops/sum.h.

#include <algorithm>

#include "base/status_macros.h"
#include "ops/integer.h"
#include "ops/odometer.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/reduce/reduction.h"
#include "ops/sum.h"

namespace flowgrad {
namespace {

// A summed axis may be cut at chunks.
LoopNest ReduceSumLoops(const ShapeContext& context) {
  return ReductionLoops(context, /*sums=*/true);
}

// The sum along the lanes from `x`.
template <class T>
T SumLanes(const T* x, const ReductionLayout& layout) {
  if (layout.even_lanes) return LaneSum(x, layout.num_lanes, layout.lane_stride);
  Odometer<1> lanes = layout.lanes;
  TreeJoin<T> join;
  T chunk[kLaneChunk];
  for (int64_t begin = 0; begin < layout.num_lanes; begin += kLaneChunk) {
    const int64_t count = std::min(kLaneChunk, layout.num_lanes - begin);
    for (int64_t i = 0; i < count; ++i, lanes.Next()) chunk[i] = x[lanes.offset(0)];
    join.Add(ChunkSum(chunk, count));
  }
  return join.Result();
}

// The innermost axis is reduced: lanes within, rows around.
template <class T>
T SumRowsOfLanes(const T* x, const ReductionLayout& layout) {
  if (layout.num_rows == 1) return SumLanes(x, layout);
  Odometer<1> rows = layout.rows;
  TreeJoin<T> join;
  for (int64_t begin = 0; begin < layout.num_rows; begin += kRowChunk) {
    T chunk = 0;
    const int64_t end = std::min(begin + kRowChunk, layout.num_rows);
    for (int64_t r = begin; r < end; ++r, rows.Next())
      chunk += SumLanes(x + rows.offset(0), layout);
    join.Add(chunk);
  }
  return join.Result();
}

// A stretch of the innermost, kept axis: as many sums side by side.
inline constexpr int kColumns = 64;
template <class T>
struct Columns {
  T value[kColumns];
  friend Columns operator+(const Columns& a, const Columns& b) {
    Columns sum;
    for (int j = 0; j < kColumns; ++j) sum.value[j] = a.value[j] + b.value[j];
    return sum;
  }
};

template <class T>
void SumColumns(const T* x, T* y, const ReductionLayout& layout, int64_t count) {
  Odometer<1> rows = layout.rows;
  TreeJoin<Columns<T>> join;
  for (int64_t begin = 0; begin < layout.num_rows; begin += kRowChunk) {
    Columns<T> chunk{};
    const int64_t end = std::min(begin + kRowChunk, layout.num_rows);
    for (int64_t r = begin; r < end; ++r, rows.Next()) {
      const T* row = x + rows.offset(0);
      if (layout.x_column == 1 && count == kColumns) {
        for (int j = 0; j < kColumns; ++j) chunk.value[j] += row[j];
      } else if (layout.x_column == 1) {
        for (int64_t j = 0; j < count; ++j) chunk.value[j] += row[j];
      } else {
        for (int64_t j = 0; j < count; ++j) chunk.value[j] += row[j * layout.x_column];
      }
    }
    join.Add(chunk);
  }
  const Columns<T> sum = join.Result();
  for (int64_t j = 0; j < count; ++j) y[j * layout.y_column] = sum.value[j];
}

template <class T>
absl::Status ReduceSumKernel(const KernelContext& context) {
  const View& x = context.inputs[0];
  const View& y = context.outputs[0];
  const Reduction& reduction = context.prepared<Reduction>();
  ReductionLayout layout = LayoutOf(x, y, reduction);
  if (y.num_elements() == 0) return absl::OkStatus();
  do {
    const T* from = x.as<const T>() + layout.kept.offset(0);
    T* to = y.as<T>() + layout.kept.offset(1);
    if (layout.columns == 0) {
      *to = layout.num_rows == 0 || layout.num_lanes == 0 ? T(0) : SumRowsOfLanes(from, layout);
      continue;
    }
    for (int64_t j = 0; j < layout.columns; j += kColumns) {
      SumColumns(from + j * layout.x_column, to + j * layout.y_column, layout,
                 std::min<int64_t>(kColumns, layout.columns - j));
    }
  } while (layout.kept.Next());
  return absl::OkStatus();
}

// dx = dy, stretched along the axes that were summed: a view.
absl::Status ReduceSumGradient(GradientContext& context) {
  ASSIGN_OR_RETURN(const Value dx, ExpandReduced(context, context.output_gradient()));
  context.set_input_gradient(0, dx);
  return absl::OkStatus();
}

}  // namespace

void RegisterReduceSum(OpRegistry& registry) {
  registry.Add(
      OpDef("ReduceSum", {"data", "axes?:int64"}, {"reduced"})
          .Doc("Sum along axes.", "sum(%0)")
          .Attribute("keepdims", 1, "1: a summed axis stays, with size 1.")
          .Attribute("noop_with_empty_axes", 0, "1: no axes sum nothing; 0: they sum all.")
          .Shape(ReductionShape)
          .Prepare(PrepareReduction)
          .Loops(ReduceSumLoops)
          .Kernels(NumericTypes(),
                   []<class T>(const KernelContext& c) { return ReduceSumKernel<Wrapping<T>>(c); })
          .Gradient(ReduceSumGradient));
}

}  // namespace flowgrad
