// Gather: rows of a tensor along an axis, named by indices. Negative indices count from the end.

#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/index/gather_rows.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

// The dims of a shape, picked by known indices.
void SetGatheredValue(ShapeContext& context) {
  const SymbolicShape* dims = context.dims_value(0);
  const SymbolicShape* indices = context.dims_value(1);
  if (dims == nullptr || indices == nullptr || context.input(0).rank() != 1) return;
  const auto size = static_cast<int64_t>(dims->size());
  SymbolicShape picked;
  for (const Dim& index : *indices) {
    if (index.is_symbol() || index.value() < -size || index.value() >= size) return;
    picked.push_back((*dims)[index.value() < 0 ? index.value() + size : index.value()]);
  }
  context.SetOutputDimsValue(std::move(picked));
}

absl::Status GatherShape(ShapeContext& context) {
  ASSIGN_OR_RETURN(const int axis, CheckedGatherAxis(context, 0));
  context.SetOutput(0, GatheredShape(context, 0, axis));
  SetGatheredValue(context);
  return absl::OkStatus();
}

// The axis is needed whole; all else is free.
LoopNest GatherLoops(const ShapeContext& context) {
  const int rank = context.input(0).rank(), axis = *CheckedGatherAxis(context, 0);
  const std::string index_letters = IndexLetters(context.input(1).rank());
  return LoopsOf(absl::StrCat(DataLetters(rank, axis, '.'), ",", index_letters, "->",
                              GatheredLetters(rank, axis, index_letters)),
                 context);
}

absl::StatusOr<Prepared> PrepareGather(const ShapeContext& context) {
  ASSIGN_OR_RETURN(const int axis, CheckedGatherAxis(context, 0));
  return MakePrepared(GatherAxis{axis, context.dims(0)[axis]});
}

// Says which index is out of range: the i-th of the cut, by its place in the whole input. The axes
// of the loop nest are those of the data but one, then those of the indices.
absl::Status OutOfRange(const KernelContext& context, const GatherAxis& along, int64_t index,
                        int64_t i) {
  const View& indices = context.inputs[1];
  const int first_axis = context.inputs[0].rank - 1;
  Dims place(indices.rank);
  for (int d = indices.rank - 1; d >= 0; --d) {
    place[d] = context.origin[first_axis + d] + i % indices.dims[d];
    i /= indices.dims[d];
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "input \"indices\" must be from ", -along.size, " to ", along.size - 1, " to match dim ",
      along.axis, " of input \"data\", but is ", index, " at ", DimsString(place)));
}

// Refuses the first index out of range.
absl::Status CheckIndices(const KernelContext& context, const GatherAxis& along) {
  const View& indices = context.inputs[1];
  Odometer<1> places;
  for (int d = 0; d < indices.rank; ++d) places.AddDim(indices.dims[d], {indices.strides[d]});
  if (places.empty()) return absl::OkStatus();
  int64_t i = 0;
  do {
    const int64_t index = IndexAt(indices, places.offset(0));
    if (index < -along.size || index >= along.size) return OutOfRange(context, along, index, i);
    ++i;
  } while (places.Next());
  return absl::OkStatus();
}

template <class T>
absl::Status GatherKernel(const KernelContext& context) {
  const GatherAxis& along = context.prepared<GatherAxis>();
  const View& data = context.inputs[0];
  const View& indices = context.inputs[1];
  const View& y = context.outputs[0];
  RETURN_IF_ERROR(CheckIndices(context, along));
  GatherWalk walk(data, indices, y, along.axis);
  if (walk.places.empty()) return absl::OkStatus();
  do {
    const int64_t index = IndexAt(indices, walk.places.offset(1));
    const int64_t row = index < 0 ? index + along.size : index;
    const T* from = data.as<const T>() + walk.places.offset(0) + row * walk.row_stride;
    T* to = y.as<T>() + walk.places.offset(2);
    if (walk.data_step == 1 && walk.gathered_step == 1) {
      std::memcpy(to, from, walk.run * sizeof(T));
    } else {
      for (int64_t i = 0; i < walk.run; ++i) to[i * walk.gathered_step] = from[i * walk.data_step];
    }
  } while (walk.places.Next());
  return absl::OkStatus();
}

// Each row gets the sum of the gradients of its copies.
absl::Status GatherBackward(GradientContext& context) {
  const int64_t axis = context.attributes().Int("axis");
  context.set_input_gradient(
      0, Call("GatherGradient", {context.output_gradient(), context.input(1), context.input(0)},
              {{"axis", axis}}));
  return absl::OkStatus();
}

}  // namespace

void RegisterGather(OpRegistry& registry) {
  registry.Add(
      OpDef("Gather", {"data", "indices:any"}, {"output"})
          .Doc("Rows along an axis, named by indices, of which negative ones count from the end.",
               "%0[%1]")
          .Attribute("axis", 0, "The axis of data; a negative one counts from the end.")
          .Shape(GatherShape)
          .Loops(GatherLoops)
          .Prepare(PrepareGather)
          .Kernels(AllTypes(), []<class T>(const KernelContext& c) { return GatherKernel<T>(c); })
          .CanFail()
          .Gradient(GatherBackward));
}

}  // namespace flowgrad
