#include "ops/shape/slice_range.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "ops/shape_functions.h"

namespace flowgrad {

// As ONNX says: first negative numbers count from the end, then start is cut off to [0,dim] and end
// too, or, when walking backwards, start to [0,dim-1] and end to [-1,dim-1]. A step past the whole
// dim is as good as one of its size.
SliceRange SliceRequest::Of(int64_t dim) const {
  if (dim == 0) return {};
  const int64_t stride = std::clamp(step, -dim, dim);
  const int64_t from = start < 0 ? start + dim : start;
  const int64_t to = end < 0 ? end + dim : end;
  SliceRange range{.step = stride};
  if (stride > 0) {
    range.start = std::clamp<int64_t>(from, 0, dim);
    const int64_t distance = std::clamp<int64_t>(to, 0, dim) - range.start;
    range.count = distance > 0 ? (distance - 1) / stride + 1 : 0;
  } else {
    range.start = std::clamp<int64_t>(from, 0, dim - 1);
    const int64_t distance = range.start - std::clamp<int64_t>(to, -1, dim - 1);
    range.count = distance > 0 ? (distance - 1) / -stride + 1 : 0;
  }
  if (range.count == 0) range.start = 0;
  return range;
}

Dim SliceRequest::Of(const Dim& dim) const {
  if (dim.known()) return Dim(Of(dim.value()).count);
  if (IsWhole()) return dim;
  return Dim::Symbol(absl::StrCat("(", dim.ToString(), "[", start, ":", end, ":", step, "])"));
}

bool SliceRequest::IsWhole() const {
  return start == 0 && step == 1 && end == std::numeric_limits<int64_t>::max();
}

absl::StatusOr<std::vector<SliceRequest>> SliceRequests(const ShapeContext& context, int rank,
                                                        int port) {
  ASSIGN_OR_RETURN(const Ints starts, ConstantInts(context, port));
  ASSIGN_OR_RETURN(const Ints ends, ConstantInts(context, port + 1));
  Ints axes, steps(starts.size(), 1);
  for (size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  if (context.has_input(port + 2)) {
    ASSIGN_OR_RETURN(axes, ConstantInts(context, port + 2));
  }
  if (context.has_input(port + 3)) {
    ASSIGN_OR_RETURN(steps, ConstantInts(context, port + 3));
  }
  if (ends.size() != starts.size() || axes.size() != starts.size() ||
      steps.size() != starts.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "inputs \"starts\", \"ends\", \"axes\" and \"steps\" must have as many numbers, but have ",
        starts.size(), ", ", ends.size(), ", ", axes.size(), " and ", steps.size()));
  }
  RETURN_IF_ERROR(NormalizeAxes(axes, rank, "input \"axes\"").status());
  std::vector<SliceRequest> requests(rank);
  for (size_t i = 0; i < axes.size(); ++i) {
    if (steps[i] == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("input \"steps\" must have no 0, but is [", absl::StrJoin(steps, ","), "]"));
    }
    requests[axes[i] < 0 ? axes[i] + rank : axes[i]] = {starts[i], ends[i], steps[i]};
  }
  return requests;
}

SymbolicShape SlicedShape(const SymbolicShape& shape, const std::vector<SliceRequest>& requests) {
  SymbolicShape sliced;
  for (size_t d = 0; d < shape.size(); ++d) sliced.push_back(requests[d].Of(shape[d]));
  return sliced;
}

}  // namespace flowgrad
