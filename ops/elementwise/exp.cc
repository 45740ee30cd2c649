// Exp: output = e^input, element by element. Overflows to infinity.

#include "ops/math.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

// dx = dy * y. Reads only y, so x can be freed after the forward pass.
absl::Status ExpGradient(GradientContext& context) {
  context.set_input_gradient(0, context.output_gradient() * context.output(0));
  return absl::OkStatus();
}

}  // namespace

void RegisterExp(OpRegistry& registry) {
  registry.Add(OpDef("Exp", {"input"}, {"output"})
                   .Doc("Exponential.", "exp(%0)")
                   .Elementwise(FloatTypes(), []<class T>(T x) { return math::Exp(x); })
                   .Gradient(ExpGradient));
}

}  // namespace flowgrad
