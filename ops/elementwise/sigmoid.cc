// Sigmoid: Y = 1 / (1 + e^-X), element by element.

#include "ops/math.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

// Reads only Y, so X can be freed after the forward pass.
absl::Status SigmoidGradient(GradientContext& context) {
  context.set_input_gradient(
      0, Call("SigmoidGradient", {context.output_gradient(), context.output(0)}));
  return absl::OkStatus();
}

}  // namespace

void RegisterSigmoid(OpRegistry& registry) {
  registry.Add(OpDef("Sigmoid", {"X"}, {"Y"})
                   .Doc("Logistic function, 1 / (1 + exp(-x)).", "sigmoid(%0)")
                   .Elementwise(FloatTypes(), []<class T>(T x) { return math::Sigmoid(x); })
                   .Gradient(SigmoidGradient));
}

}  // namespace flowgrad
