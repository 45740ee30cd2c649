// Min: the smallest of any number of tensors, element by element, broadcast. Of equal elements the
// first, so of 0 and -0 too; NaN if any is NaN.

#include "ops/elementwise/fold.h"
#include "ops/extreme.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

template <class T>
absl::Status MinKernel(const KernelContext& context) {
  FoldInputs<T>(context, [](T a, T b) { return Smallest::Of(a, b); });
  return absl::OkStatus();
}

}  // namespace

void RegisterMin(OpRegistry& registry) {
  registry.Add(
      OpDef("Min", {"data_0*"}, {"min"})
          .Doc("Smallest of any number of tensors, element by element, broadcast. The first of "
               "equal ones gets the gradient.",
               "min(%*)")
          .Shape(FoldShape)
          .Loops(ElementwiseLoops)
          .Kernels(NumericTypes(), []<class T>(const KernelContext& c) { return MinKernel<T>(c); })
          .Gradient(ChosenInputGradient));
}

}  // namespace flowgrad
