// Shape: the dims of a tensor as an int64 vector.

#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

absl::Status ShapeShape(ShapeContext& context) {
  context.SetOutput(0, DType::kInt64, {Dim(context.input(0).rank())});
  context.SetOutputDimsValue(context.shape(0));
  return absl::OkStatus();
}

absl::StatusOr<Prepared> PrepareShape(const ShapeContext& context) {
  return MakePrepared(context.dims(0));
}

absl::Status ShapeKernel(const KernelContext& context) {
  const Dims& dims = context.prepared<Dims>();
  const View& output = context.outputs[0];
  for (size_t d = 0; d < dims.size(); ++d) output.as<int64_t>()[d * output.strides[0]] = dims[d];
  return absl::OkStatus();
}

}  // namespace

void RegisterShape(OpRegistry& registry) {
  registry.Add(
      OpDef("Shape", {"data:any"}, {"shape"})
          .Doc("The dims of a tensor. Reads no element.", "shape(%0)")
          .Shape(ShapeShape)
          .Prepare(PrepareShape)
          .Kernels(AllTypes(), []<class T>(const KernelContext& c) { return ShapeKernel(c); })
          .ReadsShapeOnly(0)
          .NoGradient("a shape does not depend on values"));
}

}  // namespace flowgrad
