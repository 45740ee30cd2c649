// Sign: -1, 0 or 1, element by element. Of 0 and -0 it is 0, of NaN NaN.

#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

// 0 everywhere: the derivative off the step, and a choice on it. Not refused, so that |x| has a
// second derivative.
absl::Status SignGradient(GradientContext&) { return absl::OkStatus(); }

}  // namespace

void RegisterSign(OpRegistry& registry) {
  registry.Add(OpDef("Sign", {"input"}, {"output"})
                   .Doc("-1, 0 or 1 by the sign; its gradient is 0.", "sign(%0)")
                   .Elementwise(NumericTypes(),
                                []<class T>(T x) {
                                  const T sign = x > 0 ? T(1) : x < 0 ? T(-1) : T(0);
                                  return x == x ? sign : x;
                                })
                   .Gradient(SignGradient));
}

}  // namespace flowgrad
