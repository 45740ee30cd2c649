// Class numbers as inputs: what the ops that read labels share.
//
// Labels have the shape of the data without the class axis. A label outside 0 to classes - 1 is an
// error, unless it is attribute "ignore_index": such a sample has no part in the result.

#ifndef FLOWGRAD_OPS_LOSS_LABEL_H_
#define FLOWGRAD_OPS_LOSS_LABEL_H_

#include <array>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ops/odometer.h"
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

// The label that visitors see where it is "ignore_index".
inline constexpr int64_t kIgnored = -1;

// Calls visit(label, offsets) for every sample, up to the first bad label. `views` have the dims of
// the labels, or these and the class axis; offsets.offset(k) is that of the sample in views[k], at
// class 0.
template <int K, class Visit>
absl::Status ForEachSample(const KernelContext& context, const View& labels, int64_t classes,
                           const std::array<const View*, K>& views, Visit visit) {
  const LabelSpec& spec = context.prepared<LabelSpec>();
  Odometer<K + 1> samples;
  for (int d = 0; d < labels.rank; ++d) {
    std::array<int64_t, K + 1> strides;
    for (int k = 0; k < K; ++k) {
      const bool has_classes = views[k]->rank > labels.rank;
      strides[k] = views[k]->strides[has_classes && d >= spec.axis ? d + 1 : d];
    }
    strides[K] = labels.strides[d];
    samples.AddDim(labels.dims[d], strides);
  }
  if (samples.empty()) return absl::OkStatus();
  int64_t count = 0;
  do {
    const int64_t label = labels.as<const int64_t>()[samples.offset(K)];
    const bool ignored = label == spec.ignored;
    if (!ignored && (label < 0 || label >= classes)) {
      return BadLabel(context, labels, count, label, classes);
    }
    visit(ignored ? kIgnored : label, samples);
    ++count;
  } while (samples.Next());
  return absl::OkStatus();
}

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_LOSS_LABEL_H_
