// Log: the natural logarithm, element by element. Of 0 and -0 it is -inf, of negative numbers NaN.

#include "ops/math.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

// dx = dy / x.
absl::Status LogGradient(GradientContext& context) {
  context.set_input_gradient(0, context.output_gradient() / context.input(0));
  return absl::OkStatus();
}

}  // namespace

void RegisterLog(OpRegistry& registry) {
  registry.Add(OpDef("Log", {"input"}, {"output"})
                   .Doc("Natural logarithm.", "log(%0)")
                   .Elementwise(FloatTypes(), []<class T>(T x) { return math::Log(x); })
                   .Gradient(LogGradient));
}

}  // namespace flowgrad
