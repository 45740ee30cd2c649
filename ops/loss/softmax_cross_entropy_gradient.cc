// SoftmaxCrossEntropyGradient: dscores = dlosses (exp(log_prob) - one at the label).

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

absl::Status SoftmaxCrossEntropyGradientShape(ShapeContext& context) {
  ASSIGN_OR_RETURN(const LabelSpec spec, LabelSpecOf(context, 0));
  RETURN_IF_ERROR(CheckLabels(context, 1, 0, spec.axis));
  if (context.shape(2) != context.shape(1)) {
    return absl::InvalidArgumentError(
        absl::StrCat(context.InputText(2), " must have the shape of ", context.InputText(1)));
  }
  context.SetOutput(0, context.shape(0));
  return absl::OkStatus();
}

// Scratch for log-probabilities, results and work.
absl::StatusOr<Prepared> PrepareSoftmaxCrossEntropyGradient(const ShapeContext& context) {
  ASSIGN_OR_RETURN(const LabelSpec spec, LabelSpecOf(context, 0));
  return MakePrepared(
      spec, LineScratchBytes(context, 0, spec.axis, spec.axis + 1, 3 * DTypeSize(context.dtype())));
}

LoopNest SoftmaxCrossEntropyGradientLoops(const ShapeContext& context) {
  const int rank = context.input(0).rank(), axis = LabelSpecOf(context, 0)->axis;
  const std::string samples = LettersWithout(rank, axis), data = LettersAround(rank, axis);
  return LoopsOf(absl::StrCat(data, ",", samples, ",", samples, "->", data), context);
}

// dscores = exp(log_prob) dloss, dloss being inputs[1][0].
struct SharesLine {
  template <class T>
  [[gnu::always_inline]] static void Run(const T* const* inputs, int64_t n, T*, T* dscores) {
    const T* const log_probabilities = inputs[0];
    const T dloss = *inputs[1];
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) dscores[i] = math::Exp(log_probabilities[i]) * dloss;
  }
};

template <class T>
absl::Status SoftmaxCrossEntropyGradientKernel(const KernelContext& context) {
  const View& log_prob = context.inputs[0];
  const View& labels = context.inputs[1];
  const View& dlosses = context.inputs[2];
  const View& dscores = context.outputs[0];
  const LabelSpec& spec = context.prepared<LabelSpec>();
  const int64_t classes = log_prob.dims[spec.axis];
  const int64_t from_stride = log_prob.strides[spec.axis], to_stride = dscores.strides[spec.axis];
  T* const work = reinterpret_cast<T*>(context.scratch);
  T* const copy = work + classes;
  T* const results = copy + classes;

  if (classes == 0) return absl::OkStatus();
  const auto shares = LineFunction<T, SharesLine>();
  return ForEachSample<3>(
      context, labels, classes, {&log_prob, &dlosses, &dscores},
      [&](int64_t label, const auto& sample) {
        const T dloss = label == kIgnored ? T(0) : dlosses.as<const T>()[sample.offset(1)];
        T* const to = dscores.as<T>() + sample.offset(2);
        T* const line = to_stride == 1 ? to : results;
        const T* const inputs[] = {
            GatherLine(log_prob.as<const T>() + sample.offset(0), classes, from_stride, copy),
            &dloss};
        shares(inputs, classes, work, line);
        if (label != kIgnored) line[label] -= dloss;
        if (to_stride == 1) return;
        for (int64_t c = 0; c < classes; ++c) to[c * to_stride] = line[c];
      });
}

// With u the gradient of dscores and p = exp(log_prob): that of dlosses is sum(u p) - u at the
// label, that of log_prob u p dlosses. An ignored sample has neither.
absl::Status SoftmaxCrossEntropyGradientRule(GradientContext& context) {
  const Value u = context.output_gradient(), log_prob = context.input(0), labels = context.input(1),
              dlosses = context.input(2);
  ASSIGN_OR_RETURN(const LabelSpec spec, LabelSpecOf(context.shapes(), 0));
  Value shares = u * Exp(log_prob);
  if (spec.ignored) {
    const Value counted = Call("PickLabel", {FilledLike(u, 1), labels}, context.attributes());
    shares = shares * ExpandAlong(counted, {spec.axis}, u);
  }
  if (context.wanted(0)) {
    context.set_input_gradient(0, shares * ExpandAlong(dlosses, {spec.axis}, u));
  }
  if (context.wanted(2)) {
    context.set_input_gradient(2, ReduceSum(shares, {spec.axis}, /*keepdims=*/false) -
                                      Call("PickLabel", {u, labels}, context.attributes()));
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterSoftmaxCrossEntropyGradient(OpRegistry& registry) {
  registry.Add(
      OpDef("SoftmaxCrossEntropyGradient", {"log_prob", "labels:int64", "dlosses"}, {"dscores"})
          .Doc("Gradient of SoftmaxCrossEntropy, log_prob being what it has saved.",
               "(exp(%0) - one_hot(%1)) * %2")
          .Attribute("axis", 1, "The axis of classes; negative counts from the end.")
          .OptionalAttribute("ignore_index", AttributeType::kInt, "A label that counts nothing.")
          .Shape(SoftmaxCrossEntropyGradientShape)
          .Prepare(PrepareSoftmaxCrossEntropyGradient)
          .Loops(SoftmaxCrossEntropyGradientLoops)
          .Kernels(FloatTypes(),
                   []<class T>(const KernelContext& c) {
                     return SoftmaxCrossEntropyGradientKernel<T>(c);
                   })
          .CanFail()
          .InPlace(0, 0)
          .Gradient(SoftmaxCrossEntropyGradientRule));
}

}  // namespace flowgrad
