// ReduceMax and ReduceMin, which are one op in two directions. See Note [What an extreme is].

#ifndef FLOWGRAD_OPS_REDUCE_REDUCE_EXTREME_H_
#define FLOWGRAD_OPS_REDUCE_REDUCE_EXTREME_H_

#include <algorithm>
#include <vector>

#include "base/status_macros.h"
#include "ops/extreme.h"
#include "ops/functions.h"
#include "ops/op.h"
#include "ops/reduce/reduction.h"
#include "ops/shape_functions.h"

namespace flowgrad {

// The innermost axis is reduced: lines within, rows around.
template <class Extreme, class T>
T ExtremeOfRows(const T* x, const ReductionLayout& layout) {
  if (layout.num_rows == 0 || layout.num_lanes == 0) return Extreme::template Identity<T>();
  T extreme = Extreme::template Identity<T>();
  Odometer<1> rows = layout.rows, lanes = layout.lanes;
  do {
    const T* row = x + rows.offset(0);
    if (layout.even_lanes) {
      const T line = ExtremeOf<Extreme>(row, layout.num_lanes, layout.lane_stride);
      extreme = Extreme::Of(extreme, line);
      continue;
    }
    do {
      extreme = Extreme::Of(extreme, row[lanes.offset(0)]);
    } while (lanes.Next());
  } while (rows.Next());
  return static_cast<T>(extreme + T(0));
}

// The innermost axis is kept: `count` extremes side by side.
template <class Extreme, class T, int kColumns>
void ExtremeOfColumns(const T* x, T* y, const ReductionLayout& layout, int64_t count) {
  T extremes[kColumns];
  for (int j = 0; j < kColumns; ++j) extremes[j] = Extreme::template Identity<T>();
  Odometer<1> rows = layout.rows;
  for (int64_t r = 0; r < layout.num_rows; ++r, rows.Next()) {
    const T* row = x + rows.offset(0);
    if (layout.x_column == 1 && count == kColumns) {
      for (int j = 0; j < kColumns; ++j) extremes[j] = Extreme::Of(extremes[j], row[j]);
    } else {
      for (int64_t j = 0; j < count; ++j) {
        extremes[j] = Extreme::Of(extremes[j], row[j * layout.x_column]);
      }
    }
  }
  for (int64_t j = 0; j < count; ++j) y[j * layout.y_column] = static_cast<T>(extremes[j] + T(0));
}

template <class Extreme, class T>
absl::Status ReduceExtremeKernel(const KernelContext& context) {
  constexpr int kColumns = 64;
  const View& y = context.outputs[0];
  ReductionLayout layout = LayoutOf(context.inputs[0], y, context.prepared<Reduction>());
  if (y.num_elements() == 0) return absl::OkStatus();
  do {
    const T* from = context.inputs[0].as<const T>() + layout.kept.offset(0);
    T* to = y.as<T>() + layout.kept.offset(1);
    if (layout.columns == 0) {
      *to = ExtremeOfRows<Extreme>(from, layout);
      continue;
    }
    for (int64_t j = 0; j < layout.columns; j += kColumns) {
      ExtremeOfColumns<Extreme, T, kColumns>(from + j * layout.x_column, to + j * layout.y_column,
                                             layout,
                                             std::min<int64_t>(kColumns, layout.columns - j));
    }
  } while (layout.kept.Next());
  return absl::OkStatus();
}

// dx = dy / (number of x equal to y) where x equals y, else 0: equal elements share it evenly.
inline absl::Status ReduceExtremeGradient(GradientContext& context) {
  const Value x = context.input(0), dy = context.output_gradient();
  ASSIGN_OR_RETURN(const Value y, ExpandReduced(context, context.output(0)));
  const Value chosen = Cast(Call("Equal", {x, y}), x.type().dtype);
  ASSIGN_OR_RETURN(const std::vector<int> axes, ReductionAxes(context.shapes()));
  const Value count =
      ReduceSum(chosen, {axes.begin(), axes.end()}, context.attributes().Int("keepdims"));
  ASSIGN_OR_RETURN(const Value share, ExpandReduced(context, dy / count));
  context.set_input_gradient(0, share * chosen);
  return absl::OkStatus();
}

// An axis is cut only where it is kept.
inline LoopNest ReduceExtremeLoops(const ShapeContext& context) {
  return ReductionLoops(context, /*sums=*/false);
}

template <class Extreme>
OpDef ReduceExtreme(const char* name, const char* sentence, const char* formula) {
  return OpDef(name, {"data", "axes?:int64"}, {"reduced"})
      .Doc(sentence, formula)
      .Attribute("keepdims", 1, "1: a reduced axis stays, with size 1.")
      .Attribute("noop_with_empty_axes", 0, "1: no axes change nothing; 0: all axes.")
      .Shape(ReductionShape)
      .Prepare(PrepareReduction)
      .Loops(ReduceExtremeLoops)
      .Kernels(AllTypes(),
               []<class T>(const KernelContext& c) { return ReduceExtremeKernel<Extreme, T>(c); })
      .Gradient(ReduceExtremeGradient);
}

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_REDUCE_REDUCE_EXTREME_H_
