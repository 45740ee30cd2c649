// ArgMax: where along an axis the largest element is. NaN is larger than every number.

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/extreme.h"
#include "ops/odometer.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

struct ArgMaxSpec {
  int axis;
  bool keepdims;
  bool last;
};

absl::StatusOr<int> AxisOf(const ShapeContext& context) {
  return NormalizeAxis(context.attributes().Int("axis"), context.input(0).rank());
}

absl::Status ArgMaxShape(ShapeContext& context) {
  ASSIGN_OR_RETURN(const int axis, AxisOf(context));
  if (context.shape(0)[axis] == Dim(0)) {
    return absl::InvalidArgumentError(
        absl::StrCat(context.InputText(0), " must not be empty along axis ", axis));
  }
  context.SetOutput(0, DType::kInt64,
                    ReducedShape(context.shape(0), {axis}, context.attributes().Int("keepdims")));
  return absl::OkStatus();
}

absl::StatusOr<Prepared> PrepareArgMax(const ShapeContext& context) {
  ASSIGN_OR_RETURN(const int axis, AxisOf(context));
  return MakePrepared(ArgMaxSpec{axis, context.attributes().Int("keepdims") != 0,
                                 context.attributes().Int("select_last_index") != 0});
}

LoopNest ArgMaxLoops(const ShapeContext& context) {
  const int rank = context.input(0).rank(), axis = *AxisOf(context);
  const std::string input = LettersAround(rank, axis);
  const bool keepdims = context.attributes().Int("keepdims");
  return LoopsOf(absl::StrCat(input, "->", keepdims ? input : LettersWithout(rank, axis)), context);
}

template <class T>
int64_t IndexOfLargest(const T* x, int64_t n, int64_t stride, bool last) {
  int64_t best = 0;
  for (int64_t i = 1; i < n; ++i) {
    const T value = x[i * stride], largest = x[best * stride];
    if (last ? !Largest::Before(largest, value) : Largest::Before(value, largest)) best = i;
  }
  return best;
}

template <class T>
absl::Status ArgMaxKernel(const KernelContext& context) {
  const View& x = context.inputs[0];
  const View& y = context.outputs[0];
  const ArgMaxSpec& spec = context.prepared<ArgMaxSpec>();
  Odometer<2> lines;
  int y_dim = 0;
  for (int d = 0; d < x.rank; ++d) {
    if (d != spec.axis) lines.AddDim(x.dims[d], {x.strides[d], y.strides[y_dim]});
    if (d != spec.axis || spec.keepdims) ++y_dim;
  }
  if (lines.empty()) return absl::OkStatus();
  do {
    y.as<int64_t>()[lines.offset(1)] = IndexOfLargest(
        x.as<const T>() + lines.offset(0), x.dims[spec.axis], x.strides[spec.axis], spec.last);
  } while (lines.Next());
  return absl::OkStatus();
}

}  // namespace

void RegisterArgMax(OpRegistry& registry) {
  registry.Add(
      OpDef("ArgMax", {"data"}, {"reduced"})
          .Doc("Index of the largest element along an axis.", "argmax(%0, %axis)")
          .Attribute("axis", 0, "The axis; negative counts from the end.")
          .Attribute("keepdims", 1, "1: the axis stays, with size 1.")
          .Attribute("select_last_index", 0, "Of equal elements, 0: the first, 1: the last.")
          .Shape(ArgMaxShape)
          .Prepare(PrepareArgMax)
          .Loops(ArgMaxLoops)
          .Kernels(NumericTypes(),
                   []<class T>(const KernelContext& c) { return ArgMaxKernel<T>(c); })
          .NoGradient("an index does not change with small changes of values"));
}

}  // namespace flowgrad
