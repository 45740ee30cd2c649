// MeanSquaredError: the squared difference, element by element, then its mean.

#include "ops/functions.h"
#include "ops/loss/loss_functions.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

absl::Status MeanSquaredErrorBody(CompositionContext& context) {
  const Value difference = context.input(0) - context.input(1);
  SetLoss(context, difference * difference);
  return absl::OkStatus();
}

}  // namespace

void RegisterMeanSquaredError(OpRegistry& registry) {
  registry.Add(OpDef("MeanSquaredError", {"predictions", "targets"}, {"output"})
                   .Doc("Mean of squared differences, over all elements.", "mean((%0 - %1)²)")
                   .Attribute("reduction", "mean", kReductionDoc)
                   .Shape(SameShapeLoss)
                   .Composed(FloatTypes(), MeanSquaredErrorBody));
}

}  // namespace flowgrad
