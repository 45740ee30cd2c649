// SoftmaxGradient: dx = y (dy - sum(dy y)) along an axis, y being the softmax of x.

#include "ops/functions.h"
#include "ops/loss/softmax_lines.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

struct SoftmaxGradientLine {
  template <class T>
  [[gnu::always_inline]] static void Run(const T* const* inputs, int64_t n, T* work, T* dx) {
    const T* const dy = inputs[0];
    const T* const y = inputs[1];
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) work[i] = dy[i] * y[i];
    const T sum = LaneSum(work, n);
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) dx[i] = y[i] * (dy[i] - sum);
  }
};

// With u the gradient of dx: ddy = y (u - sum(u y)), dy' = u (dy - sum(dy y)) - dy sum(u y), dy'
// being that of input "y".
absl::Status SoftmaxGradientRule(GradientContext& context) {
  const Value u = context.output_gradient(), dy = context.input(0), y = context.input(1);
  const int64_t axis = context.attributes().Int("axis");
  if (context.wanted(0)) {
    context.set_input_gradient(0, Call("SoftmaxGradient", {u, y}, context.attributes()));
  }
  if (context.wanted(1)) {
    const auto sum = [&](Value v) { return ReduceSum(v, {axis}, /*keepdims=*/true); };
    context.set_input_gradient(1, u * (dy - sum(dy * y)) - dy * sum(u * y));
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterSoftmaxGradient(OpRegistry& registry) {
  registry.Add(AlongAxis<2, SoftmaxGradientLine>(
                   OpDef("SoftmaxGradient", {"dy", "y"}, {"dx"})
                       .Doc("Gradient of Softmax, y being its output.", "%1 * (%0 - sum(%0 * %1))"))
                   .InPlace(0, 1)
                   .Gradient(SoftmaxGradientRule));
}

}  // namespace flowgrad
