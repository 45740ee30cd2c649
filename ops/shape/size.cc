// Size: the number of elements of a tensor, an int64 scalar.

#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

absl::Status SizeShape(ShapeContext& context) {
  context.SetOutput(0, DType::kInt64, {});
  context.SetOutputDimsValue({ProductOf(context.shape(0), 0, context.input(0).rank())});
  return absl::OkStatus();
}

absl::StatusOr<Prepared> PrepareSize(const ShapeContext& context) {
  return MakePrepared(NumElements(context.dims(0)));
}

absl::Status SizeKernel(const KernelContext& context) {
  *context.outputs[0].as<int64_t>() = context.prepared<int64_t>();
  return absl::OkStatus();
}

}  // namespace

void RegisterSize(OpRegistry& registry) {
  registry.Add(
      OpDef("Size", {"data:any"}, {"size"})
          .Doc("The number of elements. Reads none.", "size(%0)")
          .Shape(SizeShape)
          .Prepare(PrepareSize)
          .Kernels(AllTypes(), []<class T>(const KernelContext& c) { return SizeKernel(c); })
          .ReadsShapeOnly(0)
          .NoGradient("a shape does not depend on values"));
}

}  // namespace flowgrad
