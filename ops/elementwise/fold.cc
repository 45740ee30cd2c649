#include "ops/elementwise/fold.h"

#include "base/status_macros.h"
#include "ops/functions.h"
#include "ops/shape_functions.h"

namespace flowgrad {

absl::Status FoldShape(ShapeContext& context) {
  ASSIGN_OR_RETURN(SymbolicShape shape, BroadcastInputs(context));
  context.SetOutput(0, std::move(shape));
  return absl::OkStatus();
}

// Each input takes its part of what the inputs before it left.
absl::Status ChosenInputGradient(GradientContext& context) {
  const int last = context.num_inputs() - 1;
  const Value zero = context.builder().Scalar(context.shapes().dtype(), 0);
  Value rest = context.output_gradient();
  for (int i = 0; i < last; ++i) {
    const Value chosen = Call("Equal", {context.input(i), context.output(0)});
    SetBroadcastGradient(context, i, [&] { return Where(chosen, rest, zero); });
    rest = Where(chosen, zero, rest);
  }
  SetBroadcastGradient(context, last, [&] { return rest; });
  return absl::OkStatus();
}

}  // namespace flowgrad
