// Max: the largest of any number of tensors, element by element, broadcast. Of equal elements the
// first, so of 0 and -0 too; NaN if any is NaN.

#include "ops/elementwise/fold.h"
#include "ops/extreme.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

template <class T>
absl::Status MaxKernel(const KernelContext& context) {
  FoldInputs<T>(context, [](T a, T b) { return Largest::Of(a, b); });
  return absl::OkStatus();
}

}  // namespace

void RegisterMax(OpRegistry& registry) {
  registry.Add(
      OpDef("Max", {"data_0*"}, {"max"})
          .Doc("Largest of any number of tensors, element by element, broadcast. The first of "
               "equal ones gets the gradient.",
               "max(%*)")
          .Shape(FoldShape)
          .Loops(ElementwiseLoops)
          .Kernels(NumericTypes(), []<class T>(const KernelContext& c) { return MaxKernel<T>(c); })
          .Gradient(ChosenInputGradient));
}

}  // namespace flowgrad
