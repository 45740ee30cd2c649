// LayerNormalization: every row minus its mean, divided by its deviation, then scaled and shifted.
//
//   Mean = mean(x),  InvStdDev = 1 / sqrt(mean((x - Mean)²) + epsilon),
//   Y = (x - Mean) InvStdDev Scale + B
//
// A row is all dims from the axis on. It is read once from memory: what follows finds it in the
// cache.

#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/functions.h"
#include "ops/math.h"
#include "ops/normalize/normalized_rows.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/sum.h"

namespace flowgrad {
namespace {

absl::Status LayerNormalizationShape(ShapeContext& context) {
  ASSIGN_OR_RETURN(const int axis, NormalizationAxis(context, 0));
  RETURN_IF_ERROR(CheckRowInput(context, 1, 0, axis));
  RETURN_IF_ERROR(CheckRowInput(context, 2, 0, axis));
  const int64_t stash_type = context.attributes().Int("stash_type");
  if (stash_type != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("attribute \"stash_type\" must be 1, but is ", stash_type));
  }
  context.SetOutput(0, context.shape(0));
  for (int i = 1; i < context.num_outputs(); ++i) {
    context.SetOutput(i, RowStatisticsShape(context, 0, axis));
  }
  return absl::OkStatus();
}

// Scratch for x, the squares or y, Scale and B.
absl::StatusOr<Prepared> PrepareLayerNormalization(const ShapeContext& context) {
  ASSIGN_OR_RETURN(const int axis, NormalizationAxis(context, 0));
  return MakePrepared(NormalizationSpec{axis, context.attributes().Float("epsilon")},
                      RowScratchBytes(context, 0, axis, 4));
}

LoopNest LayerNormalizationLoops(const ShapeContext& context) {
  const std::string rows = RowLetters(*NormalizationAxis(context, 0));
  return LoopsOf(absl::StrCat(rows, ",,->", rows), context);
}

template <class T>
struct Row {
  const T* x;
  const T* scale;
  const T* b;  // or null
  int64_t n;
  T epsilon;
  T* squares;
  T* y;  // may be x, or squares
  T mean, inverse_deviation;
};

template <class T>
[[gnu::always_inline]] inline void NormalizeRow(Row<T>& row) {
  const T* const x = row.x;
  const T* const scale = row.scale;
  const T* const b = row.b;
  T* const squares = row.squares;
  T* const y = row.y;
  const int64_t n = row.n;
  const T mean = LaneSum(x, n) / static_cast<T>(n);
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) squares[i] = (x[i] - mean) * (x[i] - mean);
  const T variance = LaneSum(squares, n) / static_cast<T>(n);
  const T inverse = 1 / math::Sqrt(variance + row.epsilon);
  if (b == nullptr) {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - mean) * inverse * scale[i];
  } else {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - mean) * inverse * scale[i] + b[i];
  }
  row.mean = mean;
  row.inverse_deviation = inverse;
}

template <class T>
void NormalizeRowAvx2(Row<T>& row) {
  NormalizeRow(row);
}
template <class T>
FLOWGRAD_AVX512 void NormalizeRowAvx512(Row<T>& row) {
  NormalizeRow(row);
}

template <class T>
absl::Status LayerNormalizationKernel(const KernelContext& context) {
  static constexpr View kAbsent;
  const auto output = [&](size_t i) -> const View& {
    return i < context.outputs.size() ? context.outputs[i] : kAbsent;
  };
  const View& x = context.inputs[0];
  const View& scale = context.inputs[1];
  const View& b = context.inputs.size() > 2 ? context.inputs[2] : kAbsent;
  const View &y = output(0), &mean = output(1), &inverse = output(2);
  const NormalizationSpec& spec = context.prepared<NormalizationSpec>();
  const absl::Span<const int64_t> dims = x.shape().subspan(spec.axis);
  const RowLayout<T> x_row(x, dims), y_row(y, dims), scale_row(scale, dims);

  Odometer<4> rows;
  for (int d = 0; d < spec.axis; ++d) {
    rows.AddDim(x.dims[d], {x.strides[d], y.strides[d], mean.present() ? mean.strides[d] : 0,
                            inverse.present() ? inverse.strides[d] : 0});
  }
  // Without rows there is no scratch.
  if (rows.empty()) return absl::OkStatus();

  Row<T> row;
  row.n = x_row.size();
  row.epsilon = static_cast<T>(spec.epsilon);
  T* const x_copy = reinterpret_cast<T*>(context.scratch);
  row.squares = x_copy + row.n;
  row.scale = scale_row.Gather(scale.as<const T>(), x_copy + 2 * row.n);
  row.b = b.present() ? RowLayout<T>(b, dims).Gather(b.as<const T>(), x_copy + 3 * row.n) : nullptr;

  static const auto normalize = UsesAvx512() ? &NormalizeRowAvx512<T> : &NormalizeRowAvx2<T>;
  do {
    T* const to = y.as<T>() + rows.offset(1);
    row.x = x_row.Gather(x.as<const T>() + rows.offset(0), x_copy);
    row.y = y_row.Place(to, row.squares);
    normalize(row);
    y_row.Scatter(row.y, to);
    if (mean.present()) mean.as<T>()[rows.offset(2)] = row.mean;
    if (inverse.present()) inverse.as<T>()[rows.offset(3)] = row.inverse_deviation;
  } while (rows.Next());
  return absl::OkStatus();
}

// With h = (x - Mean) InvStdDev and n elements in a row:
//   dx = what LayerNormalizationGradient makes of dY + dMean / n - dInvStdDev InvStdDev² h / n
//   dScale = dY h, dB = dY, both summed over what they were stretched along
absl::Status LayerNormalizationRule(GradientContext& context) {
  const Value x = context.input(0), scale = context.input(1);
  const Value dy = context.output_gradient(0);
  const int num_outputs = context.num_outputs();
  const Value dmean = num_outputs > 1 ? context.output_gradient(1) : Value();
  const Value dinverse = num_outputs > 2 ? context.output_gradient(2) : Value();
  const Value mean = context.output(1), inverse = context.output(2);
  ASSIGN_OR_RETURN(const int axis, NormalizationAxis(context.shapes(), 0));
  std::vector<int64_t> axes;
  for (int d = axis; d < x.type().rank(); ++d) axes.push_back(d);

  if (context.wanted(0)) {
    Value dx;
    const auto add = [&](Value part) { dx = dx ? dx + part : part; };
    if (dy)
      add(Call("LayerNormalizationGradient", {dy, x, scale, mean, inverse}, {{"axis", axis}}));
    if (dmean) add(ExpandAlong(dmean / ReduceCount(x, axes), {}, x));
    if (dinverse) {
      add(-(dinverse * inverse * inverse * inverse / ReduceCount(x, axes)) * (x - mean));
    }
    context.set_input_gradient(0, dx);
  }
  if (!dy) return absl::OkStatus();
  SetBroadcastGradient(context, 1, [&] { return dy * ((x - mean) * inverse); });
  SetBroadcastGradient(context, 2, [&] { return dy; });
  return absl::OkStatus();
}

}  // namespace

void RegisterLayerNormalization(OpRegistry& registry) {
  registry.Add(
      OpDef("LayerNormalization", {"X", "Scale", "B?"}, {"Y", "Mean?", "InvStdDev?"})
          .Doc("Minus the mean, divided by the deviation, over all dims from the axis on; then "
               "times Scale, plus B.",
               "layer_normalization(%0, %axis)")
          .Attribute("axis", -1, "The first axis of a row; negative counts from the end.")
          .Attribute("epsilon", 1e-5, "Added to the variance, so that it is not 0.")
          .Attribute("stash_type", 1,
                     "Must be 1. Mean and InvStdDev have the dtype of X, which has at least the "
                     "precision that 1, float, asks for.")
          .Shape(LayerNormalizationShape)
          .Prepare(PrepareLayerNormalization)
          .Loops(LayerNormalizationLoops)
          .Kernels(FloatTypes(),
                   []<class T>(const KernelContext& c) { return LayerNormalizationKernel<T>(c); })
          .InPlace(0, 0)
          .Gradient(LayerNormalizationRule));
}

}  // namespace flowgrad
