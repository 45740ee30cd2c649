// What Softmax and LogSoftmax share. Lines along the axis are independent of each other.
//
// Exponentials are taken of x minus the line's largest element, so that none overflows; their sum
// is that of ops/sum.h. Where all of a line is -infinity nothing has a share: Softmax gives 0 and
// LogSoftmax -infinity. A line with NaN or +infinity gives NaN.

#ifndef FLOWGRAD_OPS_LOSS_SOFTMAX_LINES_H_
#define FLOWGRAD_OPS_LOSS_SOFTMAX_LINES_H_

#include <algorithm>
#include <limits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ops/extreme.h"
#include "ops/math.h"
#include "ops/odometer.h"
#include "ops/op.h"
#include "ops/sum.h"

namespace flowgrad {

absl::Status SoftmaxShape(ShapeContext& context);
absl::StatusOr<Prepared> PrepareSoftmax(const ShapeContext& context);
LoopNest SoftmaxLoops(const ShapeContext& context);

// `finish(largest, sum)` gives the function that makes an element from x and its exponential.
template <class T, class F>
absl::Status SoftmaxKernel(const KernelContext& context, F finish) {
  const View& x = context.inputs[0];
  const View& y = context.outputs[0];
  const int axis = context.prepared<int>();
  const int64_t n = x.dims[axis], x_stride = x.strides[axis], y_stride = y.strides[axis];
  T* const exponentials = reinterpret_cast<T*>(context.scratch);
  Odometer<2> lines = LinesAlong<2>(axis, {&x, &y});
  if (lines.empty() || n == 0) return absl::OkStatus();
  do {
    const T* from = x.as<const T>() + lines.offset(0);
    T* to = y.as<T>() + lines.offset(1);
    // A finite number even if all are -infinity, so that x - largest is not NaN.
    const T largest =
        std::max(ExtremeOf<Largest>(from, n, x_stride), std::numeric_limits<T>::lowest());
    for (int64_t i = 0; i < n; ++i) exponentials[i] = from[i * x_stride] - largest;
    for (int64_t i = 0; i < n; ++i) exponentials[i] = math::Exp(exponentials[i]);
    const T sum = LaneSum(exponentials, n);
    const auto element = finish(largest, sum == 0 ? T(1) : sum);
    if (x_stride == 1 && y_stride == 1) {
#pragma GCC ivdep
      for (int64_t i = 0; i < n; ++i) to[i] = element(from[i], exponentials[i]);
    } else {
      for (int64_t i = 0; i < n; ++i) {
        to[i * y_stride] = element(from[i * x_stride], exponentials[i]);
      }
    }
  } while (lines.Next());
  return absl::OkStatus();
}

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_LOSS_SOFTMAX_LINES_H_
