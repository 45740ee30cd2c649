// What Softmax, LogSoftmax and their gradients share. Lines along the axis are independent of each
// other.
//
// Exponentials are taken of x minus the line's largest element, so that none overflows; their sum
// is that of ops/sum.h. Where all of a line is -infinity nothing has a share: Softmax gives 0 and
// LogSoftmax -infinity. A line with NaN or +infinity gives NaN.

#ifndef FLOWGRAD_OPS_LOSS_SOFTMAX_LINES_H_
#define FLOWGRAD_OPS_LOSS_SOFTMAX_LINES_H_

#include <algorithm>
#include <array>
#include <limits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ops/extreme.h"
#include "ops/math.h"
#include "ops/odometer.h"
#include "ops/op.h"
#include "ops/sum.h"

namespace flowgrad {

// Every input and the output have the shape of input 0; attribute "axis" is the line's.
absl::Status SoftmaxShape(ShapeContext& context);
absl::StatusOr<Prepared> PrepareSoftmax(const ShapeContext& context);
LoopNest SoftmaxLoops(const ShapeContext& context);

// A `Line` is a function on n elements of every input and of the output `y`, all one after the
// other. `y` may be one of the inputs; `work` has room for n.
template <class T, class Line>
void RunLine(const T* const* inputs, int64_t n, T* work, T* y) {
  Line::Run(inputs, n, work, y);
}
template <class T, class Line>
FLOWGRAD_AVX512 void RunLineAvx512(const T* const* inputs, int64_t n, T* work, T* y) {
  Line::Run(inputs, n, work, y);
}
template <class T, class Line>
auto LineFunction() {
  return UsesAvx512() ? &RunLineAvx512<T, Line> : &RunLine<T, Line>;
}

// n elements, `stride` apart, one after the other: in their place, or copied to `copy`.
template <class T>
const T* GatherLine(const T* x, int64_t n, int64_t stride, T* copy) {
  if (stride == 1) return x;
  for (int64_t i = 0; i < n; ++i) copy[i] = x[i * stride];
  return copy;
}

// Runs a Line along the axis of K inputs and output 0. Scratch: K + 2 lines.
template <class T, int K, class Line>
absl::Status LineKernel(const KernelContext& context) {
  const int axis = context.prepared<int>();
  std::array<const View*, K + 1> views;
  for (int k = 0; k < K; ++k) views[k] = &context.inputs[k];
  const View& y = context.outputs[0];
  views[K] = &y;
  const int64_t n = y.dims[axis], y_stride = y.strides[axis];
  Odometer<K + 1> lines = LinesAlong<K + 1>(axis, views);
  if (lines.empty() || n == 0) return absl::OkStatus();
  T* const work = reinterpret_cast<T*>(context.scratch);
  static const auto run = LineFunction<T, Line>();
  do {
    const T* x[K];
    for (int k = 0; k < K; ++k) {
      x[k] = GatherLine(views[k]->template as<const T>() + lines.offset(k), n,
                        views[k]->strides[axis], work + (k + 2) * n);
    }
    T* const to = y.as<T>() + lines.offset(K);
    if (y_stride == 1) {
      run(x, n, work, to);
      continue;
    }
    run(x, n, work, work + n);
    for (int64_t i = 0; i < n; ++i) to[i * y_stride] = work[n + i];
  } while (lines.Next());
  return absl::OkStatus();
}

// An op that is a Line over K inputs.
template <int K, class Line>
OpDef& AlongAxis(OpDef& def) {
  return def.Attribute("axis", -1, "The axis; negative counts from the end.")
      .Shape(SoftmaxShape)
      .Prepare(PrepareSoftmax)
      .Loops(SoftmaxLoops)
      .Kernels(FloatTypes(),
               []<class T>(const KernelContext& c) { return LineKernel<T, K, Line>(c); })
      .InPlace(0, 0);
}

// The largest of a line: a finite number even if all are -infinity, so that x - largest is not NaN.
template <class T>
[[gnu::always_inline]] inline T LargestOf(const T* x, int64_t n) {
  return std::max(ExtremeOf<Largest>(x, n), std::numeric_limits<T>::lowest());
}

// work = exp(x - largest), and their sum, or 1 where that is 0.
template <class T>
[[gnu::always_inline]] inline T SumOfExponentials(const T* x, T largest, int64_t n, T* work) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) work[i] = math::Exp(x[i] - largest);
  const T sum = LaneSum(work, n);
  return sum == 0 ? T(1) : sum;
}

// y = (x - largest) - log(sum)
struct LogSoftmaxLine {
  template <class T>
  [[gnu::always_inline]] static void Run(const T* const* inputs, int64_t n, T* work, T* y) {
    const T* const x = inputs[0];
    const T largest = LargestOf(x, n);
    const T log_sum = math::Log(SumOfExponentials(x, largest, n, work));
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - largest) - log_sum;
  }
};

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_LOSS_SOFTMAX_LINES_H_
