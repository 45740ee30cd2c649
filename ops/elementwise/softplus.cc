// Softplus: y = log(1 + e^x), element by element.

#include "ops/functions.h"
#include "ops/math.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

// dx = dy * σ(x).
absl::Status SoftplusGradient(GradientContext& context) {
  context.set_input_gradient(0, context.output_gradient() * Sigmoid(context.input(0)));
  return absl::OkStatus();
}

}  // namespace

void RegisterSoftplus(OpRegistry& registry) {
  // max(x, 0) + log(1 + e^-|x|), which does not overflow.
  registry.Add(OpDef("Softplus", {"X"}, {"Y"})
                   .Doc("A smooth Relu: log(1 + exp(x)).", "softplus(%0)")
                   .Elementwise(FloatTypes(),
                                []<class T>(T x) {
                                  const T size = x < 0 ? -x : x;
                                  return (x > 0 ? x : T(0)) + math::Log1p(math::Exp(-size));
                                })
                   .Gradient(SoftplusGradient));
}

}  // namespace flowgrad
