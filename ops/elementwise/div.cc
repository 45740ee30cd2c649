// Div: C = A / B, element by element, broadcast.
//
// Integers are divided towards zero; by 0 they give 0, and the smallest number by -1 wraps to
// itself.

#include "ops/functions.h"
#include "ops/integer.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

// dA = dC / B, dB = -dC / B * C. Reads C in place of A.
absl::Status DivGradient(GradientContext& context) {
  const Value b = context.input(1), dc = context.output_gradient();
  SetBroadcastGradient(context, 0, [&] { return dc / b; });
  SetBroadcastGradient(context, 1, [&] { return -(dc / b * context.output(0)); });
  return absl::OkStatus();
}

}  // namespace

void RegisterDiv(OpRegistry& registry) {
  registry.Add(OpDef("Div", {"A", "B"}, {"C"})
                   .Doc("Quotient of two tensors, element by element, broadcast. Integers: towards "
                        "zero, and by 0 gives 0.",
                        "%0 / %1")
                   .Elementwise(NumericTypes(), []<class T>(T a, T b) { return SafeDiv(a, b); })
                   .Gradient(DivGradient));
}

}  // namespace flowgrad
