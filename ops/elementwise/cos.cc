// Cos: the cosine, element by element. Of infinities it is NaN.

#include "ops/math.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

// dx = -dy * sin(x).
absl::Status CosGradient(GradientContext& context) {
  context.set_input_gradient(0, -(context.output_gradient() * Call("Sin", {context.input(0)})));
  return absl::OkStatus();
}

}  // namespace

void RegisterCos(OpRegistry& registry) {
  registry.Add(OpDef("Cos", {"input"}, {"output"})
                   .Doc("Cosine.", "cos(%0)")
                   .Elementwise(FloatTypes(), []<class T>(T x) { return math::Cos(x); })
                   .Gradient(CosGradient));
}

}  // namespace flowgrad
