// Sin: the sine, element by element. Of infinities it is NaN.

#include "ops/math.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

// dx = dy * cos(x).
absl::Status SinGradient(GradientContext& context) {
  context.set_input_gradient(0, context.output_gradient() * Call("Cos", {context.input(0)}));
  return absl::OkStatus();
}

}  // namespace

void RegisterSin(OpRegistry& registry) {
  registry.Add(OpDef("Sin", {"input"}, {"output"})
                   .Doc("Sine.", "sin(%0)")
                   .Elementwise(FloatTypes(), []<class T>(T x) { return math::Sin(x); })
                   .Gradient(SinGradient));
}

}  // namespace flowgrad
