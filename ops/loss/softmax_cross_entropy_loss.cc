// SoftmaxCrossEntropyLoss: minus the logarithm of the softmax at each label.

#include <vector>

#include "base/status_macros.h"
#include "ops/functions.h"
#include "ops/loss/loss_functions.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

absl::Status SoftmaxCrossEntropyLossShape(ShapeContext& context) {
  RETURN_IF_ERROR(LogLikelihoodShape(context));
  if (context.num_outputs() > 1) context.SetOutput(1, context.shape(0));
  return absl::OkStatus();
}

absl::Status SoftmaxCrossEntropyLossBody(CompositionContext& context) {
  const std::vector<Value> outputs =
      CallMany("SoftmaxCrossEntropy", {context.input(0), Labels(context, 1)},
               LabelAttributes(context), context.num_outputs());
  for (int i = 1; i < context.num_outputs(); ++i) context.set_output(i, outputs[i]);
  SetLogLikelihoodLoss(context, outputs[0]);
  return absl::OkStatus();
}

}  // namespace

void RegisterSoftmaxCrossEntropyLoss(OpRegistry& registry) {
  registry.Add(
      OpDef("SoftmaxCrossEntropyLoss", {"scores", "labels:any", "weights?"},
            {"output", "log_prob?"})
          .Doc("Minus the logarithm of the softmax of the scores at each label.",
               "-pick_label(log_softmax(%0), %1)")
          .Attribute("reduction", "mean", kReductionDoc)
          .OptionalAttribute("ignore_index", AttributeType::kInt, "A label that counts nothing.")
          .Shape(SoftmaxCrossEntropyLossShape)
          .Composed(FloatTypes(), SoftmaxCrossEntropyLossBody));
}

}  // namespace flowgrad
