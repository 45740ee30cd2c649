// Relu: Y = max(X, 0), element by element. Of NaN it is NaN, of -0 it is -0.

#include "ops/functions.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

// dX = dY where Y > 0, else 0: 0 at 0 and at NaN. Reads only Y, so X can be freed after the forward
// pass. A choice and no product, so that an infinite dY does not make NaN where nothing flows.
absl::Status ReluGradient(GradientContext& context) {
  const Value dy = context.output_gradient();
  const Value zero = context.builder().Scalar(context.shapes().dtype(), 0);
  context.set_input_gradient(0, Where(Call("Greater", {context.output(0), zero}), dy, zero));
  return absl::OkStatus();
}

}  // namespace

void RegisterRelu(OpRegistry& registry) {
  registry.Add(OpDef("Relu", {"X"}, {"Y"})
                   .Doc("Rectifier, max(x, 0); its gradient at 0 is 0.", "relu(%0)")
                   .Elementwise(NumericTypes(), []<class T>(T x) { return x < 0 ? T(0) : x; })
                   .Gradient(ReluGradient));
}

}  // namespace flowgrad
