// Softmax: exponentials along an axis, divided by their sum.

#include "ops/functions.h"
#include "ops/loss/softmax_lines.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

template <class T>
absl::Status RunSoftmax(const KernelContext& context) {
  return SoftmaxKernel<T>(
      context, [](T, T sum) { return [sum](T, T exponential) { return exponential / sum; }; });
}

// dx = y * (dy - sum(dy * y)). Reads only y, so x can be freed after the forward pass.
absl::Status SoftmaxGradient(GradientContext& context) {
  const Value y = context.output(0), dy = context.output_gradient();
  const Value mean = ReduceSum(dy * y, {context.attributes().Int("axis")}, /*keepdims=*/true);
  context.set_input_gradient(0, y * (dy - mean));
  return absl::OkStatus();
}

}  // namespace

void RegisterSoftmax(OpRegistry& registry) {
  registry.Add(
      OpDef("Softmax", {"input"}, {"output"})
          .Doc("Exponentials along an axis, divided by their sum; 0 where all of a line is "
               "-infinity.",
               "softmax(%0, %axis)")
          .Attribute("axis", -1, "The axis; negative counts from the end.")
          .Shape(SoftmaxShape)
          .Prepare(PrepareSoftmax)
          .Loops(SoftmaxLoops)
          .Kernels(FloatTypes(), []<class T>(const KernelContext& c) { return RunSoftmax<T>(c); })
          .InPlace(0, 0)
          .Gradient(SoftmaxGradient));
}

}  // namespace flowgrad
