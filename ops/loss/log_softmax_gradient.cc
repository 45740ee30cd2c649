// LogSoftmaxGradient: dx = dy - exp(y) sum(dy) along an axis, y being the log-softmax of x.

#include "ops/functions.h"
#include "ops/loss/softmax_lines.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

struct LogSoftmaxGradientLine {
  template <class T>
  [[gnu::always_inline]] static void Run(const T* const* inputs, int64_t n, T*, T* dx) {
    const T* const dy = inputs[0];
    const T* const y = inputs[1];
    const T sum = LaneSum(dy, n);
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) dx[i] = dy[i] - math::Exp(y[i]) * sum;
  }
};

// With u the gradient of dx: ddy = u - sum(u exp(y)), dy' = -u exp(y) sum(dy), dy' being that of
// input "y".
absl::Status LogSoftmaxGradientRule(GradientContext& context) {
  const Value u = context.output_gradient(), dy = context.input(0), y = context.input(1);
  const int64_t axis = context.attributes().Int("axis");
  const auto sum = [&](Value v) { return ReduceSum(v, {axis}, /*keepdims=*/true); };
  const Value shares = u * Exp(y);
  if (context.wanted(0)) context.set_input_gradient(0, u - sum(shares));
  if (context.wanted(1)) context.set_input_gradient(1, -(shares * sum(dy)));
  return absl::OkStatus();
}

}  // namespace

void RegisterLogSoftmaxGradient(OpRegistry& registry) {
  registry.Add(
      AlongAxis<2, LogSoftmaxGradientLine>(
          OpDef("LogSoftmaxGradient", {"dy", "y"}, {"dx"})
              .Doc("Gradient of LogSoftmax, y being its output.", "%0 - exp(%1) * sum(%0)"))
          .InPlace(0, 1)
          .Gradient(LogSoftmaxGradientRule));
}

}  // namespace flowgrad
