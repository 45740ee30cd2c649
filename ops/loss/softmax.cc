// Softmax: exponentials along an axis, divided by their sum.

#include "ops/loss/softmax_lines.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

// y = exp(x - largest) / sum
struct SoftmaxLine {
  template <class T>
  [[gnu::always_inline]] static void Run(const T* const* inputs, int64_t n, T* work, T* y) {
    const T* const x = inputs[0];
    const T sum = SumOfExponentials(x, LargestOf(x, n), n, work);
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) y[i] = work[i] / sum;
  }
};

// Reads only y, so x can be freed after the forward pass.
absl::Status SoftmaxRule(GradientContext& context) {
  context.set_input_gradient(0,
                             Call("SoftmaxGradient", {context.output_gradient(), context.output(0)},
                                  context.attributes()));
  return absl::OkStatus();
}

}  // namespace

void RegisterSoftmax(OpRegistry& registry) {
  registry.Add(
      AlongAxis<1, SoftmaxLine>(
          OpDef("Softmax", {"input"}, {"output"})
              .Doc("Exponentials along an axis, divided by their sum; 0 where all of a line is "
                   "-infinity.",
                   "softmax(%0, %axis)"))
          .Gradient(SoftmaxRule));
}

}  // namespace flowgrad
