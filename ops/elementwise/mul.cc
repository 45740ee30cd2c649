// Mul: C = A * B, element by element, broadcast.

#include "ops/functions.h"
#include "ops/integer.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

absl::Status MulGradient(GradientContext& context) {
  const Value a = context.input(0), b = context.input(1), dc = context.output_gradient();
  SetBroadcastGradient(context, 0, [&] { return dc * b; });
  SetBroadcastGradient(context, 1, [&] { return dc * a; });
  return absl::OkStatus();
}

}  // namespace

void RegisterMul(OpRegistry& registry) {
  registry.Add(OpDef("Mul", {"A", "B"}, {"C"})
                   .Doc("Product of two tensors, element by element, broadcast.", "%0 * %1")
                   .Elementwise(NumericTypes(), []<class T>(T a, T b) { return WrappingMul(a, b); })
                   .Gradient(MulGradient));
}

}  // namespace flowgrad
