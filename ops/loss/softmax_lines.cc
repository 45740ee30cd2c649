#include "ops/loss/softmax_lines.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

absl::StatusOr<int> AxisOf(const ShapeContext& context) {
  return NormalizeAxis(context.attributes().Int("axis"), context.input(0).rank());
}

}  // namespace

absl::Status SoftmaxShape(ShapeContext& context) {
  RETURN_IF_ERROR(AxisOf(context).status());
  for (int i = 1; i < context.num_inputs(); ++i) {
    if (context.shape(i) == context.shape(0)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(context.InputText(i), " must have the shape of ", context.InputText(0)));
  }
  return SameShape(context);
}

// The axis, and scratch for a line of every input, one of results and one of work.
absl::StatusOr<Prepared> PrepareSoftmax(const ShapeContext& context) {
  ASSIGN_OR_RETURN(const int axis, AxisOf(context));
  const int64_t element_bytes = (context.num_inputs() + 2) * DTypeSize(context.dtype());
  return MakePrepared(axis, LineScratchBytes(context, 0, axis, axis + 1, element_bytes));
}

LoopNest SoftmaxLoops(const ShapeContext& context) {
  const std::string letters = LettersAround(context.input(0).rank(), *AxisOf(context));
  std::string inputs = letters;
  for (int i = 1; i < context.num_inputs(); ++i) absl::StrAppend(&inputs, ",", letters);
  return LoopsOf(absl::StrCat(inputs, "->", letters), context);
}

}  // namespace flowgrad
