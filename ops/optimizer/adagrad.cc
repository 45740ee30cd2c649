// Adagrad: ONNX's optimizer of that name (ai.onnx.preview.training).

#include "ops/functions.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/optimizer/onnx_optimizer.h"

namespace flowgrad {
namespace {

absl::Status AdagradShape(ShapeContext& context) { return OptimizerShape(context, /*kinds=*/3); }

// R / (1 + T decay_factor).
Value DecayedRate(const CompositionContext& context) {
  const double decay = context.attributes().Float("decay_factor");
  const Value rate = RateOf(context);
  return decay == 0 ? rate : rate / (1 + Cast(context.input(1), context.shapes().dtype()) * decay);
}

absl::Status AdagradBody(CompositionContext& context) {
  const Value rate = DecayedRate(context);
  const int count = context.num_outputs() / 2;
  for (int i = 0; i < count; ++i) {
    const auto input = [&](int kind) { return context.input(kFirstOptimized + kind * count + i); };
    const Value x = input(0), g = RegularizedGradient(context, x, input(1));
    const std::vector<Value> updated =
        CallMany("AdagradUpdate", {x, g, input(2), rate},
                 {{"epsilon", context.attributes().Float("epsilon")}}, 2);
    context.set_output(i, updated[0]);
    context.set_output(count + i, updated[1]);
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterAdagrad(OpRegistry& registry) {
  registry.Add(
      OpDef("Adagrad", {"R:any", "T:int64", "inputs*"}, {"outputs*"})
          .Doc("Adagrad, as ai.onnx.preview.training defines it.", "adagrad(%*)")
          .Attribute("decay_factor", 0.0, "R is divided by 1 plus T times this.")
          .Attribute("epsilon", 1e-6, "Added to the root, so that nothing is divided by 0.")
          .Attribute("norm_coefficient", 0.0, "Half the squares of X, times this, join the loss.")
          .Shape(AdagradShape)
          .Composed(FloatTypes(), AdagradBody));
}

}  // namespace flowgrad
