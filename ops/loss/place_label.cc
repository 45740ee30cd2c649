// PlaceLabel: for every sample its value at its label, and zeros for the other classes.

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/functions.h"
#include "ops/loss/label.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

absl::Status PlaceLabelShape(ShapeContext& context) {
  ASSIGN_OR_RETURN(const LabelSpec spec, LabelSpecOf(context, 2));
  RETURN_IF_ERROR(CheckLabels(context, 1, 2, spec.axis));
  if (context.shape(0) != context.shape(1)) {
    return absl::InvalidArgumentError(
        absl::StrCat(context.InputText(0), " must have the shape of ", context.InputText(1)));
  }
  context.SetOutput(0, context.shape(2));
  return absl::OkStatus();
}

absl::StatusOr<Prepared> PreparePlaceLabel(const ShapeContext& context) {
  ASSIGN_OR_RETURN(const LabelSpec spec, LabelSpecOf(context, 2));
  return MakePrepared(spec);
}

LoopNest PlaceLabelLoops(const ShapeContext& context) {
  const int rank = context.input(2).rank(), axis = LabelSpecOf(context, 2)->axis;
  const std::string samples = LettersWithout(rank, axis), data = LettersAround(rank, axis);
  return LoopsOf(absl::StrCat(samples, ",", samples, ",", data, "->", data), context);
}

template <class T>
absl::Status PlaceLabelKernel(const KernelContext& context) {
  const View& values = context.inputs[0];
  const View& labels = context.inputs[1];
  const View& y = context.outputs[0];
  const LabelSpec& spec = context.prepared<LabelSpec>();
  const int64_t classes = y.dims[spec.axis], stride = y.strides[spec.axis];
  return ForEachSample<2>(context, labels, classes, {&values, &y},
                          [&](int64_t label, const auto& sample) {
                            T* const line = y.as<T>() + sample.offset(1);
                            for (int64_t c = 0; c < classes; ++c) line[c * stride] = 0;
                            if (label != kIgnored)
                              line[label * stride] = values.as<const T>()[sample.offset(0)];
                          });
}

// dvalues = dy at the label.
absl::Status PlaceLabelGradient(GradientContext& context) {
  context.set_input_gradient(
      0, Call("PickLabel", {context.output_gradient(), context.input(1)}, context.attributes()));
  return absl::OkStatus();
}

}  // namespace

void RegisterPlaceLabel(OpRegistry& registry) {
  registry.Add(
      OpDef("PlaceLabel", {"values", "labels:int64", "like"}, {"placed"})
          .Doc("Zeros in the shape of the last input, but for every sample its value at its label.",
               "place_label(%0, %1)")
          .Attribute("axis", 1, "The axis of classes; negative counts from the end.")
          .OptionalAttribute("ignore_index", AttributeType::kInt, "A label that places nothing.")
          .Shape(PlaceLabelShape)
          .Prepare(PreparePlaceLabel)
          .Loops(PlaceLabelLoops)
          .Kernels(FloatTypes(),
                   []<class T>(const KernelContext& c) { return PlaceLabelKernel<T>(c); })
          .CanFail()
          .ReadsShapeOnly(2)
          .Gradient(PlaceLabelGradient));
}

}  // namespace flowgrad
