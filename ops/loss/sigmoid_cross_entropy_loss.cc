// SigmoidCrossEntropyLoss: the cross-entropy of independent yes-or-no answers, then its mean.

#include "ops/functions.h"
#include "ops/loss/loss_functions.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

absl::Status SigmoidCrossEntropyLossBody(CompositionContext& context) {
  SetLoss(context, Call("SigmoidCrossEntropy", {context.input(0), context.input(1)}));
  return absl::OkStatus();
}

}  // namespace

void RegisterSigmoidCrossEntropyLoss(OpRegistry& registry) {
  registry.Add(OpDef("SigmoidCrossEntropyLoss", {"logits", "targets"}, {"output"})
                   .Doc("Cross-entropy of sigmoids and targets from 0 to 1, over all elements.",
                        "mean(softplus(%0) - %0 * %1)")
                   .Attribute("reduction", "mean", kReductionDoc)
                   .Shape(SameShapeLoss)
                   .Composed(FloatTypes(), SigmoidCrossEntropyLossBody));
}

}  // namespace flowgrad
