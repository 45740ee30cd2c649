// SliceGradient: zeros in the shape of `like`, and dY at the elements that Slice would read.

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/block_space.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/shape/slice_range.h"

namespace flowgrad {
namespace {

absl::StatusOr<std::vector<SliceRequest>> Requests(const ShapeContext& context) {
  return SliceRequests(context, context.input(1).rank(), /*port=*/2);
}

absl::Status SliceGradientShape(ShapeContext& context) {
  ASSIGN_OR_RETURN(const std::vector<SliceRequest> requests, Requests(context));
  const SymbolicShape sliced = SlicedShape(context.shape(1), requests);
  if (context.shape(0) != sliced) {
    return absl::InvalidArgumentError(
        absl::StrCat("input \"dY\" must have the shape ", ShapeString(sliced), " of the slice of ",
                     context.InputText(1), ", but its shape is ", ShapeString(context.shape(0))));
  }
  context.SetOutput(0, context.shape(1));
  return absl::OkStatus();
}

// Dims that are sliced are needed whole.
LoopNest SliceGradientLoops(const ShapeContext& context) {
  const std::vector<SliceRequest> requests = *Requests(context);
  std::string letters;
  for (size_t d = 0; d < requests.size(); ++d) {
    letters += requests[d].IsWhole() ? static_cast<char>('a' + d) : '.';
  }
  return LoopsOf(absl::StrCat(letters, ",", letters, ",.->", letters), context);
}

absl::StatusOr<Prepared> PrepareSliceGradient(const ShapeContext& context) {
  ASSIGN_OR_RETURN(const std::vector<SliceRequest> requests, Requests(context));
  const Dims dims = context.dims(1);
  std::vector<SliceRange> ranges;
  for (size_t d = 0; d < dims.size(); ++d) ranges.push_back(requests[d].Of(dims[d]));
  return MakePrepared(std::move(ranges));
}

absl::Status SliceGradientKernel(const KernelContext& context) {
  const View& dy = context.inputs[0];
  const View& dx = context.outputs[0];
  FillWithZeros(dx);
  if (dy.num_elements() == 0) return absl::OkStatus();
  const auto& ranges = context.prepared<std::vector<SliceRange>>();
  int64_t offset = 0;
  Dims strides(dx.rank);
  for (int d = 0; d < dx.rank; ++d) {
    offset += ranges[d].start * dx.strides[d];
    strides[d] = ranges[d].step * dx.strides[d];
  }
  View slice = dy;
  slice.data = static_cast<char*>(dx.data) + offset * DTypeSize(dx.dtype);
  slice.strides = strides.data();
  CopyElements(dy, slice);
  return absl::OkStatus();
}

// It is linear in dY, and its transpose is the slice.
absl::Status SliceGradientGradient(GradientContext& context) {
  std::vector<Value> inputs = {context.output_gradient()};
  for (int i = 2; i < context.num_inputs(); ++i) inputs.push_back(context.input(i));
  if (context.wanted(0)) context.set_input_gradient(0, Call("Slice", std::move(inputs)));
  return absl::OkStatus();
}

}  // namespace

void RegisterSliceGradient(OpRegistry& registry) {
  registry.Add(
      OpDef("SliceGradient",
            {"dY", "like", "starts:int64", "ends:int64", "axes?:int64", "steps?:int64"}, {"dX"})
          .Doc("Gradient of Slice: dY put into zeros of the shape of \"like\".", "unslice(%0)")
          .Shape(SliceGradientShape)
          .Loops(SliceGradientLoops)
          .Prepare(PrepareSliceGradient)
          .Kernels(FloatTypes(),
                   []<class T>(const KernelContext& c) { return SliceGradientKernel(c); })
          .ReadsShapeOnly(1)
          .Gradient(SliceGradientGradient));
}

}  // namespace flowgrad
