// TopK: the K largest or smallest elements along an axis, in order, and where they were.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/extreme.h"
#include "ops/functions.h"
#include "ops/odometer.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

struct TopKSpec {
  int axis;
  bool largest;
};

absl::StatusOr<int> AxisOf(const ShapeContext& context) {
  return NormalizeAxis(context.attributes().Int("axis"), context.input(0).rank());
}

absl::Status TopKShape(ShapeContext& context) {
  ASSIGN_OR_RETURN(const int axis, AxisOf(context));
  ASSIGN_OR_RETURN(const Ints k, ConstantInts(context, 1));
  if (k.size() != 1) {
    return absl::InvalidArgumentError(absl::StrCat(context.InputText(1), " must be one number"));
  }
  const Dim& size = context.shape(0)[axis];
  if (k[0] < 0 || (size.known() && k[0] > size.value())) {
    return absl::InvalidArgumentError(
        absl::StrCat("input \"K\" must be from 0 to ", size.ToString(), ", the size of axis ", axis,
                     " of ", context.InputText(0), ", but is ", k[0]));
  }
  SymbolicShape shape = context.shape(0);
  shape[axis] = Dim(k[0]);
  context.SetOutput(0, shape);
  if (context.num_outputs() > 1) context.SetOutput(1, DType::kInt64, std::move(shape));
  return absl::OkStatus();
}

// Scratch: the indices along one line.
absl::StatusOr<Prepared> PrepareTopK(const ShapeContext& context) {
  ASSIGN_OR_RETURN(const int axis, AxisOf(context));
  return MakePrepared(TopKSpec{axis, context.attributes().Int("largest") != 0},
                      LineScratchBytes(context, 0, axis, axis + 1, sizeof(int64_t)));
}

LoopNest TopKLoops(const ShapeContext& context) {
  const std::string letters = LettersAround(context.input(0).rank(), *AxisOf(context));
  return LoopsOf(absl::StrCat(letters, ",.->", letters), context);
}

template <class Extreme, class T>
void SortLine(const T* x, int64_t n, int64_t stride, int64_t k, int64_t* indices) {
  for (int64_t i = 0; i < n; ++i) indices[i] = i;
  std::partial_sort(indices, indices + k, indices + n, [&](int64_t i, int64_t j) {
    const T a = x[i * stride], b = x[j * stride];
    return Extreme::Before(a, b) || (i < j && !Extreme::Before(b, a));
  });
}

template <class T>
absl::Status TopKKernel(const KernelContext& context) {
  const View& x = context.inputs[0];
  const View& values = context.outputs[0];
  const View* indices =
      context.outputs.size() > 1 && context.outputs[1].present() ? &context.outputs[1] : nullptr;
  const auto [axis, largest] = context.prepared<TopKSpec>();
  const int64_t n = x.dims[axis], k = values.dims[axis];
  auto* sorted = reinterpret_cast<int64_t*>(context.scratch);
  Odometer<3> lines = LinesAlong<3>(axis, {&x, &values, indices == nullptr ? &values : indices});
  if (lines.empty() || k == 0) return absl::OkStatus();
  do {
    const T* from = x.as<const T>() + lines.offset(0);
    if (largest) {
      SortLine<Largest>(from, n, x.strides[axis], k, sorted);
    } else {
      SortLine<Smallest>(from, n, x.strides[axis], k, sorted);
    }
    T* to = values.as<T>() + lines.offset(1);
    for (int64_t i = 0; i < k; ++i)
      to[i * values.strides[axis]] = from[sorted[i] * x.strides[axis]];
    if (indices == nullptr) continue;
    int64_t* places = indices->as<int64_t>() + lines.offset(2);
    for (int64_t i = 0; i < k; ++i) places[i * indices->strides[axis]] = sorted[i];
  } while (lines.Next());
  return absl::OkStatus();
}

// dX = dValues where the values came from, else 0.
absl::Status TopKGradient(GradientContext& context) {
  context.set_input_gradient(
      0, Call("ScatterElements",
              {FilledLike(context.input(0), 0), context.output(1), context.output_gradient(0)},
              {{"axis", context.attributes().Int("axis")}}));
  return absl::OkStatus();
}

}  // namespace

void RegisterTopK(OpRegistry& registry) {
  registry.Add(
      OpDef("TopK", {"X", "K:int64"}, {"Values", "Indices?:int64"})
          .Doc("The K largest or smallest elements along an axis; of equal ones the first come "
               "first. NaN counts as larger than every number.",
               "topk(%0, %1)")
          .Attribute("axis", -1, "The axis; negative counts from the end.")
          .Attribute("largest", 1, "1: the largest, 0: the smallest.")
          .Attribute("sorted", 1, "The result is always sorted; 0 permits it not to be.")
          .Shape(TopKShape)
          .Prepare(PrepareTopK)
          .Loops(TopKLoops)
          .Kernels(NumericTypes(), []<class T>(const KernelContext& c) { return TopKKernel<T>(c); })
          .Gradient(TopKGradient));
}

}  // namespace flowgrad
