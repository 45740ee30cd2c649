#include "ops/optimizer/onnx_optimizer.h"

#include "absl/strings/str_cat.h"
#include "ops/functions.h"

namespace flowgrad {

absl::Status OptimizerShape(ShapeContext& context, int kinds) {
  for (const int i : {0, 1}) {
    if (context.input(i).rank() != 0) {
      return absl::InvalidArgumentError(absl::StrCat(context.InputText(i), " must be a scalar"));
    }
  }
  if (!IsFloating(context.dtype(0))) {
    return absl::InvalidArgumentError(
        absl::StrCat("input \"R\" must be float or double, but is ", DTypeName(context.dtype(0))));
  }
  const int tensors = context.num_inputs() - kFirstOptimized;
  const int count = tensors / kinds;
  if (tensors % kinds != 0) {
    return absl::InvalidArgumentError(absl::StrCat("input \"inputs\" must hold ", kinds,
                                                   " tensors for each one that is optimized, "
                                                   "but holds ",
                                                   tensors));
  }
  if (context.num_outputs() != count * (kinds - 1)) {
    return absl::InvalidArgumentError(absl::StrCat("op has ", count * (kinds - 1), " outputs, but ",
                                                   context.num_outputs(), " are named"));
  }
  for (int i = kFirstOptimized; i < context.num_inputs(); ++i) {
    const int optimized = kFirstOptimized + (i - kFirstOptimized) % count;
    if (context.shape(i) != context.shape(optimized)) {
      return absl::InvalidArgumentError(absl::StrCat(
          context.InputText(i), " number ", i - kFirstOptimized, " must have the shape of number ",
          optimized - kFirstOptimized, ", ", ShapeString(context.shape(optimized))));
    }
  }
  for (int i = 0; i < context.num_outputs(); ++i) {
    context.SetOutput(i, context.shape(kFirstOptimized + i % count));
  }
  return absl::OkStatus();
}

Value RateOf(const CompositionContext& context) {
  const DType dtype = context.shapes().dtype();
  const Value rate = context.input(0);
  return rate.type().dtype == dtype ? rate : Cast(rate, dtype);
}

Value RegularizedGradient(const CompositionContext& context, Value x, Value gradient) {
  const double coefficient = context.attributes().Float("norm_coefficient");
  return coefficient == 0 ? gradient : x * coefficient + gradient;
}

}  // namespace flowgrad
