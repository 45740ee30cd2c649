// Class numbers as inputs: what the ops that read labels share.
//
// Labels have the shape of the data without the class axis. A label outside 0 to classes - 1 is an
// error, unless it is attribute "ignore_index": such a sample has no part in the result.

#ifndef FLOWGRAD_OPS_LOSS_LABEL_H_
#define FLOWGRAD_OPS_LOSS_LABEL_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ops/op.h"

namespace flowgrad {

struct LabelSpec {
  int axis;  // of the classes
  std::optional<int64_t> ignored;
};

// From attributes "axis" and "ignore_index" and the rank of input `data`.
absl::StatusOr<LabelSpec> LabelSpecOf(const ShapeContext& context, int data);

// Checks dtype and shape of input `labels` against input `data`.
absl::Status CheckLabels(const ShapeContext& context, int labels, int data, int axis);

// `label of sample 3 must be from 0 to 9, but is 10`, for the label that comes after `count`
// others in this cut. Axis d of the loop nest is dim d of the labels.
absl::Status BadLabel(const KernelContext& context, const View& labels, int64_t count,
                      int64_t label, int64_t classes);

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_LOSS_LABEL_H_
