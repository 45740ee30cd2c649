// Sqrt: the square root, element by element, rounded as IEEE 754 says. Of -0 it is -0, of negative
// numbers NaN.

#include <cmath>

#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

// dX = dY / 2 / Y: infinite at 0. Reads only Y, so X can be freed after the forward pass.
absl::Status SqrtGradient(GradientContext& context) {
  context.set_input_gradient(0, context.output_gradient() * 0.5 / context.output(0));
  return absl::OkStatus();
}

}  // namespace

void RegisterSqrt(OpRegistry& registry) {
  registry.Add(OpDef("Sqrt", {"X"}, {"Y"})
                   .Doc("Square root.", "sqrt(%0)")
                   .Elementwise(FloatTypes(), []<class T>(T x) { return std::sqrt(x); })
                   .Gradient(SqrtGradient));
}

}  // namespace flowgrad
