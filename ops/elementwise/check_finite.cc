// CheckFinite: its input, which may hold no NaN and no infinity.

#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/text.h"
#include "ops/block_space.h"
#include "ops/odometer.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

absl::Status CheckFiniteShape(ShapeContext& context) {
  context.SetOutput(0, context.shape(0));
  return absl::OkStatus();
}

template <class T>
absl::Status CheckFiniteKernel(const KernelContext& context) {
  const View& x = context.inputs[0];
  Odometer<1> places;
  for (int d = 0; d < x.rank; ++d) places.AddDim(x.dims[d], {x.strides[d]});
  if (places.empty()) return absl::OkStatus();
  int64_t count = 0;
  do {
    const T value = x.as<const T>()[places.offset(0)];
    if (!std::isfinite(value)) {
      Dims place(x.rank);
      for (int d = x.rank - 1; d >= 0; --d) {
        place[d] = context.origin[d] + count % x.dims[d];
        count /= x.dims[d];
      }
      return absl::AbortedError(absl::StrCat("input \"X\" must be finite, but is ", Number(value),
                                             x.rank == 0 ? "" : " at ",
                                             x.rank == 0 ? "" : DimsString(place)));
    }
    ++count;
  } while (places.Next());
  CopyElements(x, context.outputs[0]);
  return absl::OkStatus();
}

absl::Status CheckFiniteGradient(GradientContext& context) {
  context.set_input_gradient(0, context.output_gradient());
  return absl::OkStatus();
}

}  // namespace

void RegisterCheckFinite(OpRegistry& registry) {
  registry.Add(OpDef("CheckFinite", {"X"}, {"Y"})
                   .Doc("The same elements; NaN or an infinity among them fails the run.", "%0")
                   .Shape(CheckFiniteShape)
                   .Loops(ElementwiseLoops)
                   .Kernels(FloatTypes(),
                            []<class T>(const KernelContext& c) { return CheckFiniteKernel<T>(c); })
                   .CanFail()
                   .Gradient(CheckFiniteGradient));
}

}  // namespace flowgrad
