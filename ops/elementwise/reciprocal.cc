// Reciprocal: Y = 1 / X, element by element. Of 0 it is inf, of -0 -inf.

#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

// dX = -dY * Y * Y. Reads only Y, so X can be freed after the forward pass.
absl::Status ReciprocalGradient(GradientContext& context) {
  const Value y = context.output(0);
  context.set_input_gradient(0, -(context.output_gradient() * y * y));
  return absl::OkStatus();
}

}  // namespace

void RegisterReciprocal(OpRegistry& registry) {
  registry.Add(OpDef("Reciprocal", {"X"}, {"Y"})
                   .Doc("Reciprocal.", "1 / %0")
                   .Elementwise(FloatTypes(), []<class T>(T x) { return 1 / x; })
                   .Gradient(ReciprocalGradient));
}

}  // namespace flowgrad
