// GatherElements: output[i,j] = data[indices[i,j],j], for axis 0: one element of a line per index.

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/functions.h"
#include "ops/index/element_index.h"
#include "ops/odometer.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

absl::Status GatherElementsShape(ShapeContext& context) {
  RETURN_IF_ERROR(ElementIndexAxis(context).status());
  context.SetOutput(0, context.shape(1));
  return absl::OkStatus();
}

absl::StatusOr<Prepared> PrepareGatherElements(const ShapeContext& context) {
  ASSIGN_OR_RETURN(const int axis, ElementIndexAxis(context));
  return MakePrepared(axis);
}

LoopNest GatherElementsLoops(const ShapeContext& context) {
  const std::string letters = ElementIndexLetters(context);
  return LoopsOf(absl::StrCat(letters, ",", letters, "->", letters), context);
}

template <class T>
absl::Status GatherElementsKernel(const KernelContext& context) {
  const View& data = context.inputs[0];
  const View& indices = context.inputs[1];
  const View& y = context.outputs[0];
  const int axis = context.prepared<int>();
  Odometer<3> lines = LinesAlong<3>(axis, {&indices, &data, &y});
  if (lines.empty()) return absl::OkStatus();
  do {
    const int64_t* index = indices.as<const int64_t>() + lines.offset(0);
    for (int64_t i = 0; i < indices.dims[axis]; ++i) {
      ASSIGN_OR_RETURN(const int64_t from,
                       NormalizeIndex(index[i * indices.strides[axis]], data.dims[axis]));
      y.as<T>()[lines.offset(2) + i * y.strides[axis]] =
          data.as<const T>()[lines.offset(1) + from * data.strides[axis]];
    }
  } while (lines.Next());
  return absl::OkStatus();
}

// ddata = dy added up where it was read from.
absl::Status GatherElementsGradient(GradientContext& context) {
  context.set_input_gradient(
      0, Call("ScatterElements",
              {FilledLike(context.input(0), 0), context.input(1), context.output_gradient()},
              {{"axis", context.attributes().Int("axis")}, {"reduction", "add"}}));
  return absl::OkStatus();
}

}  // namespace

void RegisterGatherElements(OpRegistry& registry) {
  registry.Add(
      OpDef("GatherElements", {"data", "indices:int64"}, {"output"})
          .Doc("Elements by their index along an axis.", "gather_elements(%0, %1, %axis)")
          .Attribute("axis", 0, "The axis; negative counts from the end.")
          .Shape(GatherElementsShape)
          .Prepare(PrepareGatherElements)
          .Loops(GatherElementsLoops)
          .Kernels(AllTypes(),
                   []<class T>(const KernelContext& c) { return GatherElementsKernel<T>(c); })
          .CanFail()
          .Gradient(GatherElementsGradient));
}

}  // namespace flowgrad
