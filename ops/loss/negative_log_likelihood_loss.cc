// NegativeLogLikelihoodLoss: minus the log-probability at each label.

#include "ops/functions.h"
#include "ops/loss/loss_functions.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

absl::Status NegativeLogLikelihoodLossBody(CompositionContext& context) {
  SetLogLikelihoodLoss(context, -Call("PickLabel", {context.input(0), Labels(context, 1)},
                                      LabelAttributes(context)));
  return absl::OkStatus();
}

}  // namespace

void RegisterNegativeLogLikelihoodLoss(OpRegistry& registry) {
  registry.Add(
      OpDef("NegativeLogLikelihoodLoss", {"input", "target:any", "weight?"}, {"loss"})
          .Doc("Minus the log-probability at each label.", "-pick_label(%0, %1)")
          .Attribute("reduction", "mean", kReductionDoc)
          .OptionalAttribute("ignore_index", AttributeType::kInt, "A label that counts nothing.")
          .Shape(LogLikelihoodShape)
          .Composed(FloatTypes(), NegativeLogLikelihoodLossBody));
}

}  // namespace flowgrad
