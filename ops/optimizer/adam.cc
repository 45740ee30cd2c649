// Adam: ONNX's optimizer of that name (ai.onnx.preview.training).

#include "ops/functions.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/optimizer/onnx_optimizer.h"

namespace flowgrad {
namespace {

absl::Status AdamShape(ShapeContext& context) { return OptimizerShape(context, /*kinds=*/4); }

// R sqrt(1 - beta^T) / (1 - alpha^T), and R itself where T is 0.
Value CorrectedRate(const CompositionContext& context) {
  const Value rate = RateOf(context), t = context.input(1);
  const DType dtype = context.shapes().dtype();
  Builder& builder = context.builder();
  const auto rest = [&](const char* attribute) {
    const Value kept = builder.Scalar(dtype, context.attributes().Float(attribute));
    return 1 - Call("Pow", {kept, Cast(t, dtype)});
  };
  const Value corrected = rate * Sqrt(rest("beta")) / rest("alpha");
  return Where(Call("Greater", {t, builder.Scalar(DType::kInt64, 0)}), corrected, rate);
}

absl::Status AdamBody(CompositionContext& context) {
  const Attributes& attributes = context.attributes();
  const Value rate = CorrectedRate(context);
  const Value epsilon =
      context.builder().Scalar(context.shapes().dtype(), attributes.Float("epsilon"));
  const double shrink = 1 - attributes.Float("norm_coefficient_post");
  const int count = context.num_outputs() / 3;
  for (int i = 0; i < count; ++i) {
    const auto input = [&](int kind) { return context.input(kFirstOptimized + kind * count + i); };
    const Value x = input(0), g = RegularizedGradient(context, x, input(1));
    const std::vector<Value> updated =
        CallMany("AdamUpdate", {x, g, input(2), input(3), rate, epsilon},
                 {{"beta1", attributes.Float("alpha")}, {"beta2", attributes.Float("beta")}}, 3);
    context.set_output(i, shrink == 1 ? updated[0] : updated[0] * shrink);
    context.set_output(count + i, updated[1]);
    context.set_output(2 * count + i, updated[2]);
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterAdam(OpRegistry& registry) {
  registry.Add(
      OpDef("Adam", {"R:any", "T:int64", "inputs*"}, {"outputs*"})
          .Doc("Adam, as ai.onnx.preview.training defines it.", "adam(%*)")
          .Attribute("alpha", 0.9, "What is kept of the mean of gradients.")
          .Attribute("beta", 0.999, "What is kept of the mean of squared gradients.")
          .Attribute("epsilon", 1e-6, "Added to the root, so that nothing is divided by 0.")
          .Attribute("norm_coefficient", 0.0, "Half the squares of X, times this, join the loss.")
          .Attribute("norm_coefficient_post", 0.0, "By what part X shrinks after the update.")
          .Shape(AdamShape)
          .Composed(FloatTypes(), AdamBody));
}

}  // namespace flowgrad
