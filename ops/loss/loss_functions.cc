#include "ops/loss/loss_functions.h"

#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "ops/functions.h"
#include "ops/loss/label.h"

namespace flowgrad {

absl::Status SetLossShape(ShapeContext& context, const SymbolicShape& losses) {
  const std::string& reduction = context.attributes().String("reduction");
  if (reduction != "none" && reduction != "mean" && reduction != "sum") {
    return absl::InvalidArgumentError(absl::StrCat(
        "attribute \"reduction\" must be none, mean or sum, but is ", Quoted(reduction)));
  }
  context.SetOutput(0, reduction == "none" ? losses : SymbolicShape());
  return absl::OkStatus();
}

absl::Status SameShapeLoss(ShapeContext& context) {
  if (context.shape(0) == context.shape(1)) return SetLossShape(context, context.shape(0));
  return absl::InvalidArgumentError(
      absl::StrCat(context.InputText(1), " must have the shape of ", context.InputText(0)));
}

void SetLoss(CompositionContext& context, Value losses, Value divisor) {
  const std::string& reduction = context.attributes().String("reduction");
  if (!losses || reduction == "none") return context.set_output(0, losses);
  std::vector<int64_t> axes(losses.type().rank());
  std::iota(axes.begin(), axes.end(), 0);
  const Value sum = ReduceSum(losses, axes, /*keepdims=*/false);
  if (reduction == "sum") return context.set_output(0, sum);
  context.set_output(0, sum / (divisor ? divisor : ReduceCount(losses, axes)));
}

Value Labels(const CompositionContext& context, int i) {
  const Value labels = context.input(i);
  return labels.type().dtype == DType::kInt64 ? labels : Cast(labels, DType::kInt64);
}

absl::Status LogLikelihoodShape(ShapeContext& context) {
  const SymbolicShape& scores = context.shape(0);
  if (scores.size() < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat(context.InputText(0), " must have rank 2 or more: samples, then classes"));
  }
  RETURN_IF_ERROR(CheckLabels(context, 1, 0, /*axis=*/1));
  if (context.has_input(2) && context.shape(2) != SymbolicShape{scores[1]}) {
    return absl::InvalidArgumentError(absl::StrCat(context.InputText(2), " must have the shape [",
                                                   scores[1].ToString(), "]: one per class of ",
                                                   context.InputText(0)));
  }
  return SetLossShape(context, context.shape(1));
}

Attributes LabelAttributes(const CompositionContext& context) {
  Attributes attributes = {{"axis", 1}};
  if (context.attributes().has("ignore_index")) {
    attributes.Set("ignore_index", context.attributes().Int("ignore_index"));
  }
  return attributes;
}

void SetLogLikelihoodLoss(CompositionContext& context, Value losses) {
  if (!losses) return;
  if (!context.input(2) && !context.attributes().has("ignore_index")) {
    return SetLoss(context, losses);
  }
  // A weight per label, from weights [C] seen as [N,C,D1,...]; 0 where it is ignored.
  const Value scores = context.input(0);
  Value of_classes = FilledLike(scores, 1);
  if (const Value weights = context.input(2)) {
    std::vector<int64_t> dims(scores.type().rank(), 1);
    dims[1] = -1;
    const Value column = Call("Reshape", {weights, IntsConstant(context.builder(), dims)});
    of_classes = Call("Expand", {column, Call("Shape", {scores})});
  }
  const Value weights =
      Call("PickLabel", {of_classes, Labels(context, 1)}, LabelAttributes(context));
  if (!weights) return;
  std::vector<int64_t> axes(weights.type().rank());
  std::iota(axes.begin(), axes.end(), 0);
  const bool mean = context.attributes().String("reduction") == "mean";
  SetLoss(context, context.input(2) ? losses * weights : losses,
          mean ? ReduceSum(weights, axes, /*keepdims=*/false) : Value());
}

}  // namespace flowgrad
