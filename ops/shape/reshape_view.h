// What Reshape, Flatten, Squeeze, Unsqueeze and Identity share: the same elements in the same
// order.

#ifndef FLOWGRAD_OPS_SHAPE_RESHAPE_VIEW_H_
#define FLOWGRAD_OPS_SHAPE_RESHAPE_VIEW_H_

#include "ops/op.h"

namespace flowgrad {

// View rule: strides of output 0 over the memory of input 0. False if dims would be merged that do
// not lie evenly.
bool ReshapeView(const ShapeContext& context, absl::Span<const int64_t> strides, int output,
                 ViewMap& map);

// Gradient rule: dx = dy in the shape of x. A view.
absl::Status ReshapeGradient(GradientContext& context);

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_SHAPE_RESHAPE_VIEW_H_
