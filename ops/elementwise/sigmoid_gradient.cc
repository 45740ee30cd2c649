// SigmoidGradient: dx = dy y (1 - y), y being the sigmoid of x.

#include "ops/functions.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

// With u the gradient of dx: u y (1 - y) by dy, u dy (1 - 2 y) by y.
absl::Status SigmoidGradientRule(GradientContext& context) {
  const Value u = context.output_gradient(), dy = context.input(0), y = context.input(1);
  SetBroadcastGradient(context, 0, [&] { return Call("SigmoidGradient", {u, y}); });
  SetBroadcastGradient(context, 1, [&] { return u * dy * (1 - y * 2.0); });
  return absl::OkStatus();
}

}  // namespace

void RegisterSigmoidGradient(OpRegistry& registry) {
  registry.Add(OpDef("SigmoidGradient", {"dy", "y"}, {"dx"})
                   .Doc("Gradient of Sigmoid, y being its output.", "%0 * %1 * (1 - %1)")
                   .Elementwise(FloatTypes(), []<class T>(T dy, T y) { return dy * y * (1 - y); })
                   .Gradient(SigmoidGradientRule));
}

}  // namespace flowgrad
