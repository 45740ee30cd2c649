// Slice: elements at even steps along axes. A view; a negative step walks backwards.

#include "base/status_macros.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/shape/slice_range.h"

namespace flowgrad {
namespace {

absl::StatusOr<std::vector<SliceRequest>> Requests(const ShapeContext& context) {
  return SliceRequests(context, context.input(0).rank(), /*port=*/1);
}

absl::Status SliceShape(ShapeContext& context) {
  ASSIGN_OR_RETURN(const std::vector<SliceRequest> requests, Requests(context));
  context.SetOutput(0, SlicedShape(context.shape(0), requests));
  const SymbolicShape* value = context.dims_value(0);
  if (value == nullptr || context.input(0).rank() != 1) return absl::OkStatus();
  const SliceRange range = requests[0].Of(static_cast<int64_t>(value->size()));
  SymbolicShape sliced;
  for (int64_t i = 0; i < range.count; ++i)
    sliced.push_back((*value)[range.start + i * range.step]);
  context.SetOutputDimsValue(std::move(sliced));
  return absl::OkStatus();
}

bool SliceView(const ShapeContext& context, absl::Span<const int64_t> strides, int, ViewMap& map) {
  const std::vector<SliceRequest> requests = *Requests(context);
  const Dims dims = context.dims(0);
  for (size_t d = 0; d < dims.size(); ++d) {
    const SliceRange range = requests[d].Of(dims[d]);
    map.offset += range.start * strides[d];
    map.strides.push_back(range.step * strides[d]);
  }
  return true;
}

// dx = dy put into zeros.
absl::Status SliceBackward(GradientContext& context) {
  std::vector<Value> inputs = {context.output_gradient()};
  for (int i = 0; i < context.num_inputs(); ++i) inputs.push_back(context.input(i));
  context.set_input_gradient(0, Call("SliceGradient", std::move(inputs)));
  return absl::OkStatus();
}

}  // namespace

void RegisterSlice(OpRegistry& registry) {
  registry.Add(
      OpDef("Slice", {"data", "starts:int64", "ends:int64", "axes?:int64", "steps?:int64"},
            {"output"})
          .Doc("Elements from starts to before ends, at steps, along axes: a view.", "slice(%0)")
          .Shape(SliceShape)
          .ViewOf(AllTypes(), SliceView)
          .Gradient(SliceBackward));
}

}  // namespace flowgrad
