// LogSoftmax: the logarithm of Softmax, without its loss of digits.

#include "ops/loss/softmax_lines.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

// Reads only y, so x can be freed after the forward pass.
absl::Status LogSoftmaxRule(GradientContext& context) {
  context.set_input_gradient(
      0, Call("LogSoftmaxGradient", {context.output_gradient(), context.output(0)},
              context.attributes()));
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
                            []<class T>(const KernelContext& c) {
                              return LineKernel<T, 1, LogSoftmaxLine>(c);
                            })
                   .InPlace(0, 0)
                   .Gradient(LogSoftmaxRule));
}

}  // namespace flowgrad
