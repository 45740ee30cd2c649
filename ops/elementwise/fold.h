// What Sum, Max and Min share: any number of inputs folded from left to right, element by element.

#ifndef FLOWGRAD_OPS_ELEMENTWISE_FOLD_H_
#define FLOWGRAD_OPS_ELEMENTWISE_FOLD_H_

#include <algorithm>

#include "absl/status/status.h"
#include "ops/block_space.h"
#include "ops/kernel.h"
#include "ops/op.h"

namespace flowgrad {

// Shape rule: all inputs broadcast together.
absl::Status FoldShape(ShapeContext& context);

// Gradient rule of Max and Min: the gradient goes to the first input that equals the output. Where
// the output is NaN none does, and the last input gets it.
absl::Status ChosenInputGradient(GradientContext& context);

// y = f(f(x0, x1), x2)..., broadcast. A block of partial results stays in the cache while the
// inputs are read one after the other, so their number costs no memory. Each input is an index
// space of its own, for the same reason.
template <class T, class F>
void FoldInputs(const KernelContext& context, F f) {
  constexpr int64_t kBlock = 4 * kBlockElements;
  const View& y = context.outputs[0];
  const int num_inputs = static_cast<int>(context.inputs.size());
  if (num_inputs == 1) return CopyElements(context.inputs[0], y);

  BlockSpace space(y.shape());
  space.Add(y);
  space.Merge();
  alignas(64) T partial[kBlock], loaded[kBlock];
  const auto load = [&](int i, int64_t begin, int64_t n, T* buffer) {
    BlockSpace input(y.shape());
    input.Add(context.inputs[i]);
    input.Merge();
    return static_cast<const T*>(input.Load(0, begin, n, buffer));
  };
  for (int64_t begin = 0, n; begin < space.num_elements(); begin += n) {
    n = std::min(kBlock, space.num_elements() - begin);
    const T* result = load(0, begin, n, partial);
    for (int i = 1; i < num_inputs; ++i) {
      const T* x = load(i, begin, n, loaded);
      const bool last = i == num_inputs - 1;
      T* to = last ? static_cast<T*>(space.Target(0, begin, n, partial)) : partial;
      // `to` is `result`, element for element, or overlaps nothing.
#pragma GCC ivdep
      for (int64_t j = 0; j < n; ++j) to[j] = f(result[j], x[j]);
      result = to;
    }
    if (result == partial) space.Store(0, begin, n, partial);
  }
}

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_ELEMENTWISE_FOLD_H_
