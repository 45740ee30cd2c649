// TanhGradient: dx = dy (1 - y) (1 + y), y being the tanh of x.

#include "ops/functions.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

// With u the gradient of dx: u (1 - y) (1 + y) by dy, -2 u dy y by y.
absl::Status TanhGradientRule(GradientContext& context) {
  const Value u = context.output_gradient(), dy = context.input(0), y = context.input(1);
  SetBroadcastGradient(context, 0, [&] { return Call("TanhGradient", {u, y}); });
  SetBroadcastGradient(context, 1, [&] { return u * dy * y * -2.0; });
  return absl::OkStatus();
}

}  // namespace

void RegisterTanhGradient(OpRegistry& registry) {
  registry.Add(
      OpDef("TanhGradient", {"dy", "y"}, {"dx"})
          .Doc("Gradient of Tanh, y being its output.", "%0 * (1 - %1) * (1 + %1)")
          .Elementwise(FloatTypes(), []<class T>(T dy, T y) { return dy * (1 - y) * (1 + y); })
          .Gradient(TanhGradientRule));
}

}  // namespace flowgrad
