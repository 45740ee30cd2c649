// Sum: the sum of any number of tensors, element by element, broadcast. Added in the order of the
// inputs.

#include "ops/elementwise/fold.h"
#include "ops/functions.h"
#include "ops/integer.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

template <class T>
absl::Status SumKernel(const KernelContext& context) {
  FoldInputs<T>(context, [](T sum, T x) { return WrappingAdd(sum, x); });
  return absl::OkStatus();
}

absl::Status SumGradient(GradientContext& context) {
  for (int i = 0; i < context.num_inputs(); ++i) {
    SetBroadcastGradient(context, i, [&] { return context.output_gradient(); });
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterSum(OpRegistry& registry) {
  registry.Add(
      OpDef("Sum", {"data_0*"}, {"sum"})
          .Doc("Sum of any number of tensors, broadcast.", "sum(%*)")
          .Shape(FoldShape)
          .Loops(ElementwiseLoops)
          .Kernels(NumericTypes(), []<class T>(const KernelContext& c) { return SumKernel<T>(c); })
          .Gradient(SumGradient));
}

}  // namespace flowgrad
