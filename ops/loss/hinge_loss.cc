// HingeLoss: the loss of a multi-class support vector machine. Every wrong class pays for what it
// lacks of being `margin` below the right one.

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/functions.h"
#include "ops/loss/label.h"
#include "ops/loss/loss_functions.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

absl::Status HingeLossShape(ShapeContext& context) {
  if (context.input(0).rank() < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat(context.InputText(0), " must have rank 2 or more: samples, then classes"));
  }
  RETURN_IF_ERROR(CheckLabels(context, 1, 0, /*axis=*/1));
  return SetLossShape(context, context.shape(1));
}

// sum over j of max(0, s_j - s_y + margin) (1 - [j = y])
absl::Status HingeLossBody(CompositionContext& context) {
  const Value scores = context.input(0), labels = Labels(context, 1);
  const Value right = Call("PickLabel", {scores, labels});
  const Value right_column = Call("Unsqueeze", {right, IntsConstant(context.builder(), {1})});
  const Value lack = Relu(scores - right_column + context.attributes().Float("margin"));
  const Value is_right = Call("PlaceLabel", {FilledLike(right, 1), labels, scores});
  SetLoss(context, ReduceSum(lack * (1 - is_right), {1}, /*keepdims=*/false));
  return absl::OkStatus();
}

}  // namespace

void RegisterHingeLoss(OpRegistry& registry) {
  registry.Add(OpDef("HingeLoss", {"scores", "labels:any"}, {"output"})
                   .Doc("Multi-class support vector machine loss: the wrong classes' scores, as "
                        "far as they come within a margin of the right one's, added up.",
                        "sum(max(0, %0 - pick_label(%0, %1) + %margin))")
                   .Attribute("margin", 1.0, "How far below the right class a wrong one costs 0.")
                   .Attribute("reduction", "mean", kReductionDoc)
                   .Shape(HingeLossShape)
                   .Composed(FloatTypes(), HingeLossBody));
}

}  // namespace flowgrad
