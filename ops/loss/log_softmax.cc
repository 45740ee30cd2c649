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
  registry.Add(
      AlongAxis<1, LogSoftmaxLine>(
          OpDef("LogSoftmax", {"input"}, {"output"})
              .Doc("Logarithm of the softmax along an axis; -infinity where all of a line is.",
                   "log_softmax(%0, %axis)"))
          .Gradient(LogSoftmaxRule));
}

}  // namespace flowgrad
