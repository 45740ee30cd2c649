// Constant: a tensor that is part of the model.

#include "ops/block_space.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

absl::Status ConstantShape(ShapeContext& context) {
  const Tensor& value = context.attributes().TensorValue("value");
  context.SetOutput(0, value.dtype(), value.type().shape);
  return absl::OkStatus();
}

absl::StatusOr<Prepared> PrepareConstant(const ShapeContext& context) {
  return MakePrepared(context.attributes().TensorValue("value"));
}

absl::Status ConstantKernel(const KernelContext& context) {
  const View value = context.prepared<Tensor>().view();
  CopyElements(value, context.outputs[0]);
  return absl::OkStatus();
}

}  // namespace

void RegisterConstant(OpRegistry& registry) {
  registry.Add(
      OpDef("Constant", {}, {"output"})
          .Doc("A tensor that is part of the model.", "%value")
          .RequiredAttribute("value", AttributeType::kTensor, "The tensor.")
          .Shape(ConstantShape)
          .Prepare(PrepareConstant)
          .Kernels(AllTypes(), []<class T>(const KernelContext& c) { return ConstantKernel(c); })
          .NoGradient("a constant has no inputs"));
}

}  // namespace flowgrad
