// SoftmaxCrossEntropy: for every sample minus the log-softmax of its scores at its label.

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/functions.h"
#include "ops/loss/label.h"
#include "ops/loss/softmax_lines.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

absl::Status SoftmaxCrossEntropyShape(ShapeContext& context) {
  ASSIGN_OR_RETURN(const LabelSpec spec, LabelSpecOf(context, 0));
  RETURN_IF_ERROR(CheckLabels(context, 1, 0, spec.axis));
  context.SetOutput(0, context.shape(1));
  if (context.num_outputs() > 1) context.SetOutput(1, context.shape(0));
  return absl::OkStatus();
}

// Scratch for scores, log-probabilities and work.
absl::StatusOr<Prepared> PrepareSoftmaxCrossEntropy(const ShapeContext& context) {
  ASSIGN_OR_RETURN(const LabelSpec spec, LabelSpecOf(context, 0));
  return MakePrepared(
      spec, LineScratchBytes(context, 0, spec.axis, spec.axis + 1, 3 * DTypeSize(context.dtype())));
}

LoopNest SoftmaxCrossEntropyLoops(const ShapeContext& context) {
  const int rank = context.input(0).rank(), axis = LabelSpecOf(context, 0)->axis;
  const std::string samples = LettersWithout(rank, axis), data = LettersAround(rank, axis);
  return LoopsOf(absl::StrCat(data, ",", samples, "->", samples, ",", data), context);
}

template <class T>
absl::Status SoftmaxCrossEntropyKernel(const KernelContext& context) {
  const View& scores = context.inputs[0];
  const View& labels = context.inputs[1];
  const View& losses = context.outputs[0];
  const bool saves = context.outputs.size() > 1 && context.outputs[1].present();
  const View& saved = context.outputs[saves ? 1 : 0];
  const LabelSpec& spec = context.prepared<LabelSpec>();
  const int64_t classes = scores.dims[spec.axis], score_stride = scores.strides[spec.axis];
  const int64_t saved_stride = saves ? saved.strides[spec.axis] : 0;
  T* const work = reinterpret_cast<T*>(context.scratch);
  T* const copy = work + classes;
  T* const results = copy + classes;

  const auto log_softmax = LineFunction<T, LogSoftmaxLine>();
  return ForEachSample<3>(
      context, labels, classes, {&scores, &losses, &saved}, [&](int64_t label, const auto& sample) {
        T* const to = saves ? saved.as<T>() + sample.offset(2) : results;
        T* const log_probabilities = saved_stride == 1 ? to : results;
        if (classes > 0) {
          const T* const x =
              GatherLine(scores.as<const T>() + sample.offset(0), classes, score_stride, copy);
          log_softmax(&x, classes, work, log_probabilities);
        }
        losses.as<T>()[sample.offset(1)] = label == kIgnored ? T(0) : -log_probabilities[label];
        if (saves && saved_stride != 1) {
          for (int64_t c = 0; c < classes; ++c) to[c * saved_stride] = log_probabilities[c];
        }
      });
}

// Reads only the log-probabilities, so the scores can be freed after the forward pass.
absl::Status SoftmaxCrossEntropyRule(GradientContext& context) {
  const Value dlosses = context.output_gradient(0);
  const Value direct = context.num_outputs() > 1 ? context.output_gradient(1) : Value();
  const Value log_probabilities = context.output(1);
  Value dscores;
  if (dlosses) {
    dscores = Call("SoftmaxCrossEntropyGradient", {log_probabilities, context.input(1), dlosses},
                   context.attributes());
  }
  if (direct) {
    const Value part = Call("LogSoftmaxGradient", {direct, log_probabilities},
                            {{"axis", context.attributes().Int("axis")}});
    dscores = dscores ? dscores + part : part;
  }
  context.set_input_gradient(0, dscores);
  return absl::OkStatus();
}

}  // namespace

void RegisterSoftmaxCrossEntropy(OpRegistry& registry) {
  registry.Add(
      OpDef("SoftmaxCrossEntropy", {"scores", "labels:int64"}, {"losses", "log_prob?"})
          .Doc("For every sample minus the log-softmax of its scores at its label; 0 where the "
               "label is ignored.",
               "-pick_label(log_softmax(%0), %1)")
          .Attribute("axis", 1, "The axis of classes; negative counts from the end.")
          .OptionalAttribute("ignore_index", AttributeType::kInt, "A label that counts nothing.")
          .Shape(SoftmaxCrossEntropyShape)
          .Prepare(PrepareSoftmaxCrossEntropy)
          .Loops(SoftmaxCrossEntropyLoops)
          .Kernels(FloatTypes(),
                   []<class T>(const KernelContext& c) { return SoftmaxCrossEntropyKernel<T>(c); })
          .CanFail()
          .InPlace(1, 0)
          .Gradient(SoftmaxCrossEntropyRule));
}

}  // namespace flowgrad
