// ScatterElements: data with elements replaced by their index along an axis, or added to.
//
// Indices that name an element twice act in their order.

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "ops/block_space.h"
#include "ops/extreme.h"
#include "ops/functions.h"
#include "ops/index/element_index.h"
#include "ops/integer.h"
#include "ops/odometer.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

enum class Reduction { kNone, kAdd, kMul, kMax, kMin };

struct ScatterSpec {
  int axis;
  Reduction reduction;
};

absl::StatusOr<Reduction> ReductionOf(const ShapeContext& context) {
  static constexpr const char* kNames[] = {"none", "add", "mul", "max", "min"};
  const std::string& name = context.attributes().String("reduction");
  const auto* found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found != std::end(kNames)) return static_cast<Reduction>(found - std::begin(kNames));
  return absl::InvalidArgumentError(absl::StrCat(
      "attribute \"reduction\" must be none, add, mul, max or min, but is ", Quoted(name)));
}

absl::Status ScatterElementsShape(ShapeContext& context) {
  RETURN_IF_ERROR(ElementIndexAxis(context).status());
  RETURN_IF_ERROR(ReductionOf(context).status());
  if (context.shape(2) != context.shape(1)) {
    return absl::InvalidArgumentError(
        absl::StrCat(context.InputText(2), " must have the shape of ", context.InputText(1)));
  }
  context.SetOutput(0, context.shape(0));
  return absl::OkStatus();
}

absl::StatusOr<Prepared> PrepareScatterElements(const ShapeContext& context) {
  ASSIGN_OR_RETURN(const int axis, ElementIndexAxis(context));
  ASSIGN_OR_RETURN(const Reduction reduction, ReductionOf(context));
  return MakePrepared(ScatterSpec{axis, reduction});
}

LoopNest ScatterElementsLoops(const ShapeContext& context) {
  const std::string letters = ElementIndexLetters(context);
  return LoopsOf(absl::StrCat(letters, ",", letters, ",", letters, "->", letters), context);
}

template <class T>
T Reduced(Reduction reduction, T old, T update) {
  if (reduction == Reduction::kNone) return update;
  if (reduction == Reduction::kMax) return Largest::Of(old, update);
  if (reduction == Reduction::kMin) return Smallest::Of(old, update);
  if constexpr (std::is_same_v<T, bool>) {
    return reduction == Reduction::kAdd ? old || update : old && update;
  } else {
    return reduction == Reduction::kAdd ? WrappingAdd(old, update) : WrappingMul(old, update);
  }
}

template <class T>
absl::Status ScatterElementsKernel(const KernelContext& context) {
  const View& indices = context.inputs[1];
  const View& updates = context.inputs[2];
  const View& y = context.outputs[0];
  const auto [axis, reduction] = context.prepared<ScatterSpec>();
  CopyElements(context.inputs[0], y);
  Odometer<3> lines = LinesAlong<3>(axis, {&indices, &updates, &y});
  if (lines.empty()) return absl::OkStatus();
  do {
    const int64_t* index = indices.as<const int64_t>() + lines.offset(0);
    const T* update = updates.as<const T>() + lines.offset(1);
    for (int64_t i = 0; i < indices.dims[axis]; ++i) {
      ASSIGN_OR_RETURN(const int64_t place,
                       NormalizeIndex(index[i * indices.strides[axis]], y.dims[axis]));
      T& element = y.as<T>()[lines.offset(2) + place * y.strides[axis]];
      element = Reduced(reduction, element, update[i * updates.strides[axis]]);
    }
  } while (lines.Next());
  return absl::OkStatus();
}

// dupdates = dy where they went. ddata = dy, with 0 where an element was replaced. Exact if no
// element is replaced twice.
absl::Status ScatterElementsGradient(GradientContext& context) {
  ASSIGN_OR_RETURN(const Reduction reduction, ReductionOf(context.shapes()));
  if (reduction != Reduction::kNone && reduction != Reduction::kAdd) {
    return absl::UnimplementedError(absl::StrCat(
        "gradient with attribute \"reduction\" ", Quoted(context.attributes().String("reduction")),
        " was asked for, but it has one with none and add only"));
  }
  const Value indices = context.input(1), dy = context.output_gradient();
  const int64_t axis = context.attributes().Int("axis");
  if (context.wanted(0)) {
    context.set_input_gradient(
        0, reduction == Reduction::kAdd
               ? dy
               : Call("ScatterElements", {dy, indices, FilledLike(context.input(2), 0)},
                      {{"axis", axis}}));
  }
  if (context.wanted(2)) {
    context.set_input_gradient(2, Call("GatherElements", {dy, indices}, {{"axis", axis}}));
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterScatterElements(OpRegistry& registry) {
  registry.Add(
      OpDef("ScatterElements", {"data", "indices:int64", "updates"}, {"output"})
          .Doc("A tensor with elements replaced, or added to, by their index along an axis.",
               "scatter_elements(%0, %1, %2, %axis)")
          .Attribute("axis", 0, "The axis; negative counts from the end.")
          .Attribute("reduction", "none", "none: replace; add, mul, max, min: join with the old.")
          .Shape(ScatterElementsShape)
          .Prepare(PrepareScatterElements)
          .Loops(ScatterElementsLoops)
          .Kernels(AllTypes(),
                   []<class T>(const KernelContext& c) { return ScatterElementsKernel<T>(c); })
          .CanFail()
          .Gradient(ScatterElementsGradient));
}

}  // namespace flowgrad
