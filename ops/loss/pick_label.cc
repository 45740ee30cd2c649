// PickLabel: for every sample the element at its label.

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/functions.h"
#include "ops/loss/label.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

absl::Status PickLabelShape(ShapeContext& context) {
  ASSIGN_OR_RETURN(const LabelSpec spec, LabelSpecOf(context, 0));
  RETURN_IF_ERROR(CheckLabels(context, 1, 0, spec.axis));
  context.SetOutput(0, context.shape(1));
  return absl::OkStatus();
}

absl::StatusOr<Prepared> PreparePickLabel(const ShapeContext& context) {
  ASSIGN_OR_RETURN(const LabelSpec spec, LabelSpecOf(context, 0));
  return MakePrepared(spec);
}

LoopNest PickLabelLoops(const ShapeContext& context) {
  const int rank = context.input(0).rank(), axis = LabelSpecOf(context, 0)->axis;
  const std::string samples = LettersWithout(rank, axis);
  return LoopsOf(absl::StrCat(LettersAround(rank, axis), ",", samples, "->", samples), context);
}

template <class T>
absl::Status PickLabelKernel(const KernelContext& context) {
  const View& data = context.inputs[0];
  const View& labels = context.inputs[1];
  const View& y = context.outputs[0];
  const LabelSpec& spec = context.prepared<LabelSpec>();
  const int64_t classes = data.dims[spec.axis], stride = data.strides[spec.axis];
  return ForEachSample<2>(
      context, labels, classes, {&data, &y}, [&](int64_t label, const auto& sample) {
        y.as<T>()[sample.offset(1)] =
            label == kIgnored ? T(0) : data.as<const T>()[sample.offset(0) + label * stride];
      });
}

// ddata = dy at the label, else 0.
absl::Status PickLabelGradient(GradientContext& context) {
  context.set_input_gradient(
      0, Call("PlaceLabel", {context.output_gradient(), context.input(1), context.input(0)},
              context.attributes()));
  return absl::OkStatus();
}

}  // namespace

void RegisterPickLabel(OpRegistry& registry) {
  registry.Add(
      OpDef("PickLabel", {"data", "labels:int64"}, {"picked"})
          .Doc("For every sample the element at its label; 0 where the label is ignored.",
               "pick_label(%0, %1)")
          .Attribute("axis", 1, "The axis of classes; negative counts from the end.")
          .OptionalAttribute("ignore_index", AttributeType::kInt, "A label that picks nothing.")
          .Shape(PickLabelShape)
          .Prepare(PreparePickLabel)
          .Loops(PickLabelLoops)
          .Kernels(FloatTypes(),
                   []<class T>(const KernelContext& c) { return PickLabelKernel<T>(c); })
          .CanFail()
          .Gradient(PickLabelGradient));
}

}  // namespace flowgrad
