// Ops as functions on values: what gradient rules, compositions and users of the C++ API write.

#ifndef FLOWGRAD_OPS_FUNCTIONS_H_
#define FLOWGRAD_OPS_FUNCTIONS_H_

#include <vector>

#include "ops/op.h"

namespace flowgrad {

// The gradient of a broadcast: `dy` summed over the axes along which `like` was stretched, in the
// shape of `like`.
Value SumToShapeOf(Value dy, Value like);

// Sets the gradient of input `i` of a broadcasting op to `dx`, summed to the input's shape, if it
// is wanted. `dx` is made only then.
template <class F>
void SetBroadcastGradient(GradientContext& context, int i, F make_dx) {
  if (context.wanted(i)) context.set_input_gradient(i, SumToShapeOf(make_dx(), context.input(i)));
}

// The last two axes exchanged: a view.
Value SwapLastTwo(Value x);

// `x`, which lacks `axes` of `like` (or has 1 there), stretched to the shape of `like`: a view.
Value ExpandAlong(Value x, const std::vector<int>& axes, Value like);

// In the shape of `like`: a view where memory allows.
Value ReshapeLike(Value x, Value like);

// `value` everywhere, with dtype and shape of `like`: a view of one number.
Value FilledLike(Value like, double value);

// An int64 vector.
Value IntsConstant(Builder& builder, const std::vector<int64_t>& values);

Value Relu(Value x);
Value Exp(Value x);
Value Log(Value x);
Value Sqrt(Value x);
Value Tanh(Value x);
Value Sigmoid(Value x);
Value MatMul(Value a, Value b);
Value Where(Value condition, Value x, Value y);
Value Cast(Value x, DType dtype);  // x itself if it has this dtype
Value ReduceSum(Value x, const std::vector<int64_t>& axes, bool keepdims);
// How many elements ReduceSum adds up, as a scalar of x's dtype.
Value ReduceCount(Value x, const std::vector<int64_t>& axes);

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_FUNCTIONS_H_
