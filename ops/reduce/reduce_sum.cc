// ReduceSum: the sum along axes. See Note [What a sum is] in ops/sum.h.

#include <algorithm>

#include "base/status_macros.h"
#include "ops/functions.h"
#include "ops/integer.h"
#include "ops/odometer.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/shape_functions.h"
#include "ops/sum.h"

namespace flowgrad {
namespace {

struct Reduction {
  std::vector<int> axes;  // sorted
  bool keepdims;
};

absl::Status ReduceSumShape(ShapeContext& context) {
  ASSIGN_OR_RETURN(const std::vector<int> axes, ReductionAxes(context));
  context.SetOutput(0, ReducedShape(context.shape(0), axes, context.attributes().Int("keepdims")));
  return absl::OkStatus();
}

absl::StatusOr<Prepared> PrepareReduceSum(const ShapeContext& context) {
  ASSIGN_OR_RETURN(std::vector<int> axes, ReductionAxes(context));
  return MakePrepared(Reduction{std::move(axes), context.attributes().Int("keepdims") != 0});
}

// Kept axes are parallel. A reduced axis may be cut, at chunks, where it is the only one.
LoopNest ReduceSumLoops(const ShapeContext& context) {
  const std::vector<int> axes = *ReductionAxes(context);
  const Dims dims = context.dims(0);
  const int rank = static_cast<int>(dims.size());
  const bool keepdims = context.attributes().Int("keepdims");
  LoopNest nest;
  std::vector<int8_t> input, output;
  for (int d = 0; d < rank; ++d) {
    const bool reduced = std::binary_search(axes.begin(), axes.end(), d);
    const bool cuttable = !reduced || axes.size() == 1;
    input.push_back(cuttable ? static_cast<int8_t>(nest.axes.size()) : -1);
    if (!reduced) output.push_back(static_cast<int8_t>(nest.axes.size()));
    if (reduced && keepdims) output.push_back(-1);
    if (!cuttable) continue;
    Axis axis{.size = dims[d]};
    if (reduced) {
      axis.kind = Axis::kReduced;
      axis.grain = d == rank - 1 ? kLaneChunk : kRowChunk;
    }
    nest.axes.push_back(axis);
  }
  nest.operands = {input};
  if (context.num_inputs() > 1) nest.operands.push_back(std::vector<int8_t>(context.has_input(1), -1));
  nest.operands.push_back(output);
  return nest;
}

// The dims of one reduction, sorted into what they are for.
struct Layout {
  Odometer<2> kept;              // of input and output, all kept dims (but the innermost, if columns > 0)
  Odometer<1> rows;              // reduced dims before the last kept one
  int64_t num_rows = 1;
  Odometer<1> lanes;             // reduced dims after the last kept one
  int64_t num_lanes = 1;
  int64_t lane_stride = 1;       // if the lanes lie evenly
  bool even_lanes = true;
  int64_t columns = 0;           // size of the innermost dim, if it is kept
  int64_t x_column = 0, y_column = 0;
};

Layout LayoutOf(const View& x, const View& y, const Reduction& reduction) {
  Layout layout;
  int last_kept = -1;
  for (int d = 0; d < x.rank; ++d) {
    if (!std::binary_search(reduction.axes.begin(), reduction.axes.end(), d)) last_kept = d;
  }
  int y_dim = 0;
  int64_t next_stride = -1;  // of the lane dim before, for evenness
  for (int d = 0; d < x.rank; ++d) {
    const bool reduced = std::binary_search(reduction.axes.begin(), reduction.axes.end(), d);
    if (reduced && d < last_kept) {
      layout.rows.AddDim(x.dims[d], {x.strides[d]});
      layout.num_rows *= x.dims[d];
    } else if (reduced) {
      layout.lanes.AddDim(x.dims[d], {x.strides[d]});
      layout.num_lanes *= x.dims[d];
      if (x.dims[d] != 1) {
        if (next_stride >= 0 && next_stride != x.strides[d] * x.dims[d]) layout.even_lanes = false;
        next_stride = layout.lane_stride = x.strides[d];
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

// The sum along the lanes from `x`.
template <class T>
T SumLanes(const T* x, const Layout& layout) {
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
T SumRowsOfLanes(const T* x, const Layout& layout) {
  if (layout.num_rows == 1) return SumLanes(x, layout);
  Odometer<1> rows = layout.rows;
  TreeJoin<T> join;
  for (int64_t begin = 0; begin < layout.num_rows; begin += kRowChunk) {
    T chunk = 0;
    const int64_t end = std::min(begin + kRowChunk, layout.num_rows);
    for (int64_t r = begin; r < end; ++r, rows.Next()) chunk += SumLanes(x + rows.offset(0), layout);
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
void SumColumns(const T* x, T* y, const Layout& layout, int64_t count) {
  Odometer<1> rows = layout.rows;
  TreeJoin<Columns<T>> join;
  for (int64_t begin = 0; begin < layout.num_rows; begin += kRowChunk) {
    Columns<T> chunk{};
    const int64_t end = std::min(begin + kRowChunk, layout.num_rows);
    for (int64_t r = begin; r < end; ++r, rows.Next()) {
      const T* row = x + rows.offset(0);
      if (layout.x_column == 1 && count == kColumns) {
        for (int j = 0; j < kColumns; ++j) chunk.value[j] += row[j];
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
  Layout layout = LayoutOf(x, y, reduction);
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
  const Value x = context.input(0), dy = context.output_gradient();
  std::vector<int> dropped;
  if (!context.attributes().Int("keepdims")) {
    ASSIGN_OR_RETURN(dropped, ReductionAxes(context.shapes()));
  }
  context.set_input_gradient(0, ExpandAlong(dy, dropped, x));
  return absl::OkStatus();
}

}  // namespace

void RegisterReduceSum(OpRegistry& registry) {
  registry.Add(OpDef("ReduceSum", {"data", "axes?:int64"}, {"reduced"})
                   .Doc("Sum along axes.", "sum(%0)")
                   .Attribute("keepdims", 1, "1: a summed axis stays, with size 1.")
                   .Attribute("noop_with_empty_axes", 0, "1: no axes sum nothing; 0: they sum all.")
                   .Shape(ReduceSumShape)
                   .Prepare(PrepareReduceSum)
                   .Loops(ReduceSumLoops)
                   .Kernels(NumericTypes(), []<class T>(const KernelContext& c) { return ReduceSumKernel<Wrapping<T>>(c); })
                   .Gradient(ReduceSumGradient));
}

}  // namespace flowgrad
