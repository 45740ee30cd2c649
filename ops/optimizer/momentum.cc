// Momentum: ONNX's optimizer of that name (ai.onnx.preview.training).

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "ops/functions.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/optimizer/onnx_optimizer.h"

namespace flowgrad {
namespace {

absl::Status MomentumShape(ShapeContext& context) {
  const std::string& mode = context.attributes().String("mode");
  if (mode != "standard" && mode != "nesterov") {
    return absl::InvalidArgumentError(
        absl::StrCat("attribute \"mode\" must be standard or nesterov, but is ", Quoted(mode)));
  }
  return OptimizerShape(context, /*kinds=*/3);
}

// G' = G + norm_coefficient X, V' = alpha V + b G' with b = 1 in the first update and beta later,
// X' = X - R V', or with Nesterov's momentum X - R (G' + alpha V').
absl::Status MomentumBody(CompositionContext& context) {
  const Attributes& attributes = context.attributes();
  const double alpha = attributes.Float("alpha"), beta = attributes.Float("beta");
  const DType dtype = context.shapes().dtype();
  const Value rate = RateOf(context);
  Value factor;
  if (beta != 1) {
    Builder& builder = context.builder();
    const Value later = Call("Greater", {context.input(1), builder.Scalar(DType::kInt64, 0)});
    factor = Where(later, builder.Scalar(dtype, beta), builder.Scalar(dtype, 1));
  }
  const int count = context.num_outputs() / 2;
  for (int i = 0; i < count; ++i) {
    const Value x = context.input(kFirstOptimized + i);
    const Value g = RegularizedGradient(context, x, context.input(kFirstOptimized + count + i));
    const Value v = context.input(kFirstOptimized + 2 * count + i);
    const std::vector<Value> updated =
        CallMany("MomentumUpdate", {x, factor ? g * factor : g, v, rate}, {{"momentum", alpha}}, 2);
    const bool nesterov = attributes.String("mode") == "nesterov";
    context.set_output(i, nesterov ? x - rate * (g + updated[1] * alpha) : updated[0]);
    context.set_output(count + i, updated[1]);
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterMomentum(OpRegistry& registry) {
  registry.Add(OpDef("Momentum", {"R:any", "T:int64", "inputs*"}, {"outputs*"})
                   .Doc("Gradient descent with momentum, as ai.onnx.preview.training defines it.",
                        "momentum(%*)")
                   .RequiredAttribute("alpha", AttributeType::kFloat, "What is kept of V.")
                   .RequiredAttribute("beta", AttributeType::kFloat,
                                      "Factor of the gradient in every update but the first.")
                   .RequiredAttribute("mode", AttributeType::kString, "standard or nesterov.")
                   .RequiredAttribute("norm_coefficient", AttributeType::kFloat,
                                      "Half the squares of X, times this, are added to the loss.")
                   .Shape(MomentumShape)
                   .Composed(FloatTypes(), MomentumBody));
}

}  // namespace flowgrad
