// Neg: Y = -X, element by element. Of floats it flips the sign bit, of 0 and NaN too.

#include "ops/integer.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

absl::Status NegGradient(GradientContext& context) {
  context.set_input_gradient(0, -context.output_gradient());
  return absl::OkStatus();
}

}  // namespace

void RegisterNeg(OpRegistry& registry) {
  registry.Add(OpDef("Neg", {"X"}, {"Y"})
                   .Doc("The opposite number; the smallest integer wraps to itself.", "-%0")
                   .Elementwise(NumericTypes(), []<class T>(T x) { return WrappingNeg(x); })
                   .Gradient(NegGradient));
}

}  // namespace flowgrad
