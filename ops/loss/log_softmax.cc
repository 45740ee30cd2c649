// LogSoftmax: the logarithm of Softmax, without its loss of digits.

#include "ops/functions.h"
#include "ops/loss/softmax_lines.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

// y = (x - largest) - log(sum)
template <class T>
absl::Status RunLogSoftmax(const KernelContext& context) {
  return SoftmaxKernel<T>(context, [](T largest, T sum) {
    return [largest, log_sum = math::Log(sum)](T x, T) { return (x - largest) - log_sum; };
  });
}

// dx = dy - exp(y) * sum(dy). Reads only y, so x can be freed after the forward pass.
absl::Status LogSoftmaxGradient(GradientContext& context) {
  const Value y = context.output(0), dy = context.output_gradient();
  const Value sum = ReduceSum(dy, {context.attributes().Int("axis")}, /*keepdims=*/true);
  context.set_input_gradient(0, dy - Exp(y) * sum);
  return absl::OkStatus();
}

}  // namespace

void RegisterLogSoftmax(OpRegistry& registry) {
  registry.Add(OpDef("LogSoftmax", {"input"}, {"output"})
                   .Doc("Logarithm of the softmax along an axis; -infinity where all of a line is.",
                        "log_softmax(%0, %axis)")
                   .Attribute("axis", -1, "The axis; negative counts from the end.")
                   .Shape(SoftmaxShape)
                   .Prepare(PrepareSoftmax)
                   .Loops(SoftmaxLoops)
                   .Kernels(FloatTypes(),
                            []<class T>(const KernelContext& c) { return RunLogSoftmax<T>(c); })
                   .InPlace(0, 0)
                   .Gradient(LogSoftmaxGradient));
}

}  // namespace flowgrad
