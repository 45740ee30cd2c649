// What Momentum, Adagrad and Adam of ai.onnx.preview.training share: a rate R, a number of updates
// T, then k tensors to optimise, their k gradients, and k tensors of each kind of state; out come
// the new tensors, and the new states in the same order.

#ifndef FLOWGRAD_OPS_OPTIMIZER_ONNX_OPTIMIZER_H_
#define FLOWGRAD_OPS_OPTIMIZER_ONNX_OPTIMIZER_H_

#include "absl/status/status.h"
#include "ops/op.h"

namespace flowgrad {

inline constexpr int kFirstOptimized = 2;  // after R and T

// Shape rule for optimizers with `kinds` kinds of tensors: X, G and the states.
absl::Status OptimizerShape(ShapeContext& context, int kinds);

// R in the dtype of the tensors.
Value RateOf(const CompositionContext& context);

// The gradient plus attribute "norm_coefficient" times the tensor.
Value RegularizedGradient(const CompositionContext& context, Value x, Value gradient);

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_OPTIMIZER_ONNX_OPTIMIZER_H_
