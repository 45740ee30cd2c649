// Tanh: y = tanh(x), element by element.

#include "ops/functions.h"
#include "ops/math.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

// Reads only y, so x can be freed after the forward pass.
absl::Status TanhGradient(GradientContext& context) {
  context.set_input_gradient(0,
                             Call("TanhGradient", {context.output_gradient(), context.output(0)}));
  return absl::OkStatus();
}

}  // namespace

void RegisterTanh(OpRegistry& registry) {
  registry.Add(OpDef("Tanh", {"input"}, {"output"})
                   .Doc("Hyperbolic tangent.", "tanh(%0)")
                   .Elementwise(FloatTypes(), []<class T>(T x) { return math::Tanh(x); })
                   .Gradient(TanhGradient));
}

}  // namespace flowgrad
