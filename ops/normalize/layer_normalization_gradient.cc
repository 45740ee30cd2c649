// LayerNormalizationGradient: dX of LayerNormalization, one row after the other.
//
//   g = dY Scale,  h = (X - Mean) InvStdDev
//   dX = InvStdDev (g - mean(g) - h mean(g h))

#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/functions.h"
#include "ops/normalize/normalized_rows.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/sum.h"

namespace flowgrad {
namespace {

absl::Status LayerNormalizationGradientShape(ShapeContext& context) {
  ASSIGN_OR_RETURN(const int axis, NormalizationAxis(context, 1));
  if (context.shape(0) != context.shape(1)) {
    return absl::InvalidArgumentError(
        absl::StrCat(context.InputText(0), " must have the shape of ", context.InputText(1)));
  }
  RETURN_IF_ERROR(CheckRowInput(context, 2, 1, axis));
  const SymbolicShape statistics = RowStatisticsShape(context, 1, axis);
  for (const int i : {3, 4}) {
    if (context.shape(i) == statistics) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(context.InputText(i), " must have the shape ", ShapeString(statistics)));
  }
  context.SetOutput(0, context.shape(1));
  return absl::OkStatus();
}

// Scratch for dY, X, Scale, g and g h.
absl::StatusOr<Prepared> PrepareLayerNormalizationGradient(const ShapeContext& context) {
  ASSIGN_OR_RETURN(const int axis, NormalizationAxis(context, 1));
  return MakePrepared(axis, RowScratchBytes(context, 1, axis, 5));
}

LoopNest LayerNormalizationGradientLoops(const ShapeContext& context) {
  const std::string rows = RowLetters(*NormalizationAxis(context, 1));
  return LoopsOf(absl::StrCat(rows, ",", rows, ",,", rows, ",", rows, "->", rows), context);
}

template <class T>
struct Row {
  const T* dy;
  const T* x;
  const T* scale;
  T mean, inverse_deviation;
  int64_t n;
  T* g;
  T* gh;
  T* dx;  // may be dy, x, or gh
};

template <class T>
[[gnu::always_inline]] inline void DifferentiateRow(const Row<T>& row) {
  const T* const dy = row.dy;
  const T* const x = row.x;
  const T* const scale = row.scale;
  T* const g = row.g;
  T* const gh = row.gh;
  T* const dx = row.dx;
  const int64_t n = row.n;
  const T mean = row.mean, inverse = row.inverse_deviation;
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    g[i] = dy[i] * scale[i];
    gh[i] = g[i] * ((x[i] - mean) * inverse);
  }
  const T mean_g = LaneSum(g, n) / static_cast<T>(n);
  const T mean_gh = LaneSum(gh, n) / static_cast<T>(n);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    dx[i] = inverse * (g[i] - mean_g - (x[i] - mean) * inverse * mean_gh);
  }
}

template <class T>
void DifferentiateRowAvx2(const Row<T>& row) {
  DifferentiateRow(row);
}
template <class T>
FLOWGRAD_AVX512 void DifferentiateRowAvx512(const Row<T>& row) {
  DifferentiateRow(row);
}

template <class T>
absl::Status LayerNormalizationGradientKernel(const KernelContext& context) {
  const View &dy = context.inputs[0], &x = context.inputs[1], &scale = context.inputs[2],
             &mean = context.inputs[3], &inverse = context.inputs[4], &dx = context.outputs[0];
  const int axis = context.prepared<int>();
  const absl::Span<const int64_t> dims = x.shape().subspan(axis);
  const RowLayout<T> dy_row(dy, dims), x_row(x, dims), dx_row(dx, dims);

  Odometer<5> rows;
  for (int d = 0; d < axis; ++d) {
    rows.AddDim(x.dims[d],
                {dy.strides[d], x.strides[d], mean.strides[d], inverse.strides[d], dx.strides[d]});
  }
  // Without rows there is no scratch.
  if (rows.empty()) return absl::OkStatus();

  Row<T> row;
  row.n = x_row.size();
  T* const dy_copy = reinterpret_cast<T*>(context.scratch);
  T* const x_copy = dy_copy + row.n;
  row.scale = RowLayout<T>(scale, dims).Gather(scale.as<const T>(), dy_copy + 2 * row.n);
  row.g = dy_copy + 3 * row.n;
  row.gh = dy_copy + 4 * row.n;

  static const auto differentiate =
      UsesAvx512() ? &DifferentiateRowAvx512<T> : &DifferentiateRowAvx2<T>;
  do {
    T* const to = dx.as<T>() + rows.offset(4);
    row.dy = dy_row.Gather(dy.as<const T>() + rows.offset(0), dy_copy);
    row.x = x_row.Gather(x.as<const T>() + rows.offset(1), x_copy);
    row.mean = mean.as<const T>()[rows.offset(2)];
    row.inverse_deviation = inverse.as<const T>()[rows.offset(3)];
    row.dx = dx_row.Place(to, row.gh);
    differentiate(row);
    dx_row.Scatter(row.dx, to);
  } while (rows.Next());
  return absl::OkStatus();
}

// With u the gradient of dX, P(v) = v - mean(v) - h mean(v h), which is its own transpose:
//   dg = InvStdDev P(u), from which those of dY and Scale
//   dh = -InvStdDev (u mean(g h) + g mean(u h)), from which those of X and Mean
//   and that of InvStdDev, which stands before P and in h.
absl::Status LayerNormalizationGradientRule(GradientContext& context) {
  const Value u = context.output_gradient(), dy = context.input(0), x = context.input(1),
              scale = context.input(2), mean = context.input(3), inverse = context.input(4);
  ASSIGN_OR_RETURN(const int axis, NormalizationAxis(context.shapes(), 1));
  std::vector<int64_t> axes;
  for (int d = axis; d < x.type().rank(); ++d) axes.push_back(d);
  const Value count = ReduceCount(x, axes);
  const auto sum = [&](Value v) { return ReduceSum(v, axes, /*keepdims=*/true); };
  const auto mean_of = [&](Value v) { return sum(v) / count; };

  const Value h = (x - mean) * inverse;
  const Value g = dy * scale;
  const Value mean_gh = mean_of(g * h), mean_uh = mean_of(u * h);
  if (context.wanted(0) || context.wanted(2)) {
    const Value dg = inverse * (u - mean_of(u) - h * mean_uh);
    if (context.wanted(0)) context.set_input_gradient(0, dg * scale);
    SetBroadcastGradient(context, 2, [&] { return dg * dy; });
  }
  const Value dh = -(inverse * (u * mean_gh + g * mean_uh));
  if (context.wanted(1)) context.set_input_gradient(1, dh * inverse);
  if (context.wanted(3)) context.set_input_gradient(3, -(sum(dh) * inverse));
  if (context.wanted(4)) {
    context.set_input_gradient(4, sum(u * (g - mean_of(g) - h * mean_gh)) + sum(dh * (x - mean)));
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterLayerNormalizationGradient(OpRegistry& registry) {
  registry.Add(
      OpDef("LayerNormalizationGradient", {"dY", "X", "Scale", "Mean", "InvStdDev"}, {"dX"})
          .Doc("Gradient of LayerNormalization by X, Mean and InvStdDev being what it has saved.",
               "layer_normalization_gradient(%*)")
          .Attribute("axis", -1, "The first axis of a row; negative counts from the end.")
          .Shape(LayerNormalizationGradientShape)
          .Prepare(PrepareLayerNormalizationGradient)
          .Loops(LayerNormalizationGradientLoops)
          .Kernels(FloatTypes(),
                   []<class T>(const KernelContext& c) {
                     return LayerNormalizationGradientKernel<T>(c);
                   })
          .InPlace(0, 0)
          .InPlace(0, 1)
          .Gradient(LayerNormalizationGradientRule));
}

}  // namespace flowgrad
