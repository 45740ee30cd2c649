#include "ops/shape/reshape_view.h"

#include "ops/functions.h"

namespace flowgrad {

// Walks both shapes at once: the shortest stretches of old and new dims with equal products
// describe the same elements; within a stretch the old dims must lie evenly, as one dim of the
// product's size.
bool ReshapeView(const ShapeContext& context, absl::Span<const int64_t> strides, int,
                 ViewMap& map) {
  const Dims new_dims = context.output_dims(0);
  map.strides = ContiguousStrides(new_dims);
  Dims old_dims, old_strides;  // without dims of size 1
  const Dims dims = context.dims(0);
  for (size_t d = 0; d < dims.size(); ++d) {
    if (dims[d] == 0) return true;
    if (dims[d] == 1) continue;
    old_dims.push_back(dims[d]);
    old_strides.push_back(strides[d]);
  }
  size_t old_begin = 0, new_begin = 0;
  while (old_begin < old_dims.size()) {
    size_t old_end = old_begin + 1, new_end = new_begin;
    int64_t old_size = old_dims[old_begin], new_size = 1;
    while (new_size != old_size) {
      if (new_size < old_size) {
        new_size *= new_dims[new_end++];
      } else {
        old_size *= old_dims[old_end++];
      }
    }
    for (size_t d = old_begin; d + 1 < old_end; ++d) {
      if (old_strides[d] != old_strides[d + 1] * old_dims[d + 1]) return false;
    }
    int64_t stride = old_strides[old_end - 1];
    for (size_t d = new_end; d-- > new_begin;) {
      map.strides[d] = stride;
      stride *= new_dims[d];
    }
    old_begin = old_end;
    new_begin = new_end;
  }
  return true;
}

absl::Status ReshapeGradient(GradientContext& context) {
  context.set_input_gradient(0, ReshapeLike(context.output_gradient(), context.input(0)));
  return absl::OkStatus();
}

}  // namespace flowgrad
