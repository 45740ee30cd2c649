// Swish: y = x · sigmoid(x), element by element: an op that Flowgrad does not come with.

#include "examples/user_op/swish.h"

using namespace flowgrad;  // NOLINT: an example

// dx = dy * (y + sigmoid(x) * (1 - y)).
static absl::Status SwishGradient(GradientContext& context) {
  const Value s = Sigmoid(context.input(0)), y = context.output(0);
  context.set_input_gradient(0, context.output_gradient() * (y + s * (1 - y)));
  return absl::OkStatus();
}

void RegisterSwish(OpRegistry& registry) {
  registry.Add(OpDef("Swish", {"X"}, {"Y"})
                   .Doc("A smooth Relu: x times its sigmoid.", "%0 * sigmoid(%0)")
                   .Elementwise(FloatTypes(), []<class T>(T x) { return x * math::Sigmoid(x); })
                   .Gradient(SwishGradient));
}
