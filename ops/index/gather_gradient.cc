// GatherGradient: zeros in the shape of `like`, and the rows of dY added at the indices, in the
// order of the indices.
//
// Gather has refused indices out of range before; here they add nothing.

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/block_space.h"
#include "ops/index/gather_rows.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

absl::Status GatherGradientShape(ShapeContext& context) {
  ASSIGN_OR_RETURN(const int axis, CheckedGatherAxis(context, 2));
  const SymbolicShape gathered = GatheredShape(context, 2, axis);
  if (context.shape(0) != gathered) {
    return absl::InvalidArgumentError(absl::StrCat(
        "input \"dY\" must have shape ", ShapeString(gathered), " to match ", context.InputText(1),
        " and ", context.InputText(2), ", but its shape is ", ShapeString(context.shape(0))));
  }
  context.SetOutput(0, context.shape(2));
  return absl::OkStatus();
}

// The indices are gone through whole, by every piece of the rows.
LoopNest GatherGradientLoops(const ShapeContext& context) {
  const int rank = context.input(2).rank(), axis = *CheckedGatherAxis(context, 2);
  const std::string whole(context.input(1).rank(), '.');
  const std::string letters = DataLetters(rank, axis, 'A');
  return LoopsOf(
      absl::StrCat(GatheredLetters(rank, axis, whole), ",", whole, ",", letters, "->", letters),
      context);
}

absl::StatusOr<Prepared> PrepareGatherGradient(const ShapeContext& context) {
  ASSIGN_OR_RETURN(const int axis, CheckedGatherAxis(context, 2));
  return MakePrepared(GatherAxis{axis, context.dims(2)[axis]});
}

template <class T>
absl::Status GatherGradientKernel(const KernelContext& context) {
  const GatherAxis& along = context.prepared<GatherAxis>();
  const View& dy = context.inputs[0];
  const View& indices = context.inputs[1];
  const View& dx = context.outputs[0];
  FillWithZeros(dx);
  GatherWalk walk(dx, indices, dy, along.axis);
  if (walk.places.empty()) return absl::OkStatus();
  const int64_t first_row = context.origin[dx.rank - 1];  // the axis comes last in the loop nest
  do {
    const int64_t index = IndexAt(indices, walk.places.offset(1));
    const int64_t row = (index < 0 ? index + along.size : index) - first_row;
    if (row < 0 || row >= dx.dims[along.axis]) continue;
    const T* from = dy.as<const T>() + walk.places.offset(2);
    T* to = dx.as<T>() + walk.places.offset(0) + row * walk.row_stride;
    for (int64_t i = 0; i < walk.run; ++i) to[i * walk.data_step] += from[i * walk.gathered_step];
  } while (walk.places.Next());
  return absl::OkStatus();
}

// It is linear in dY, and its transpose is Gather.
absl::Status GatherGradientGradient(GradientContext& context) {
  const int64_t axis = context.attributes().Int("axis");
  if (context.wanted(0)) {
    context.set_input_gradient(
        0, Call("Gather", {context.output_gradient(), context.input(1)}, {{"axis", axis}}));
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterGatherGradient(OpRegistry& registry) {
  registry.Add(
      OpDef("GatherGradient", {"dY", "indices:any", "like"}, {"dX"})
          .Doc("Gradient of Gather: rows added at their indices to zeros of the shape of \"like\".",
               "scatter_add(%0, %1)")
          .Attribute("axis", 0, "The axis that Gather went along.")
          .Shape(GatherGradientShape)
          .Loops(GatherGradientLoops)
          .Prepare(PrepareGatherGradient)
          .Kernels(FloatTypes(),
                   []<class T>(const KernelContext& c) { return GatherGradientKernel<T>(c); })
          .ReadsShapeOnly(2)
          .Gradient(GatherGradientGradient));
}

}  // namespace flowgrad
