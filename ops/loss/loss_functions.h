// What the losses share: a loss per sample, then attribute "reduction".
//
// The mean is a sum divided by a number that does not depend on the predictions. So the gradient of
// one sample needs nothing of the others, and nothing waits for the whole batch.

#ifndef FLOWGRAD_OPS_LOSS_LOSS_FUNCTIONS_H_
#define FLOWGRAD_OPS_LOSS_LOSS_FUNCTIONS_H_

#include "absl/status/status.h"
#include "ops/op.h"

namespace flowgrad {

inline constexpr const char* kReductionDoc =
    "none: a loss per sample; sum: their sum; mean: their sum divided by their number.";

// Checks attribute "reduction" and sets output 0, for losses of shape `losses`.
absl::Status SetLossShape(ShapeContext& context, const SymbolicShape& losses);

// Checks that inputs 0 and 1 have one shape, then SetLossShape().
absl::Status SameShapeLoss(ShapeContext& context);

// Sets output 0 to `losses`, reduced. A mean divides by `divisor`, where given.
void SetLoss(CompositionContext& context, Value losses, Value divisor = {});

// Input `i` as int64.
Value Labels(const CompositionContext& context, int i);

// Shape rule of the cross-entropy of scores [N,C] or [N,C,D1,...]: inputs 1 and 2 are labels and
// the optional weights of the classes.
absl::Status LogLikelihoodShape(ShapeContext& context);

// Attributes "axis" and "ignore_index" of ops on input 0 and Labels(context, 1).
Attributes LabelAttributes(const CompositionContext& context);

// Sets output 0 to `losses` of the labels, weighted and reduced. A mean is divided by the sum of
// the weights of the labels, in which an ignored one counts 0: it is NaN if all are ignored.
void SetLogLikelihoodLoss(CompositionContext& context, Value losses);

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_LOSS_LOSS_FUNCTIONS_H_
