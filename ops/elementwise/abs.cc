// Abs: Y = |X|, element by element. Of floats it clears the sign bit, of -0 and NaN too.

#include <cmath>
#include <type_traits>

#include "ops/integer.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

// dX = dY * sign(X): 0 at 0.
absl::Status AbsGradient(GradientContext& context) {
  context.set_input_gradient(0, context.output_gradient() * Call("Sign", {context.input(0)}));
  return absl::OkStatus();
}

}  // namespace

void RegisterAbs(OpRegistry& registry) {
  registry.Add(OpDef("Abs", {"X"}, {"Y"})
                   .Doc("Absolute value; the smallest integer wraps to itself.", "|%0|")
                   .Elementwise(NumericTypes(),
                                []<class T>(T x) -> T {
                                  if constexpr (std::is_integral_v<T>) {
                                    return x < 0 ? WrappingNeg(x) : x;
                                  } else {
                                    return std::fabs(x);
                                  }
                                })
                   .Gradient(AbsGradient));
}

}  // namespace flowgrad
