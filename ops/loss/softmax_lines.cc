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
  return SameShape(context);
}

// The axis, and scratch for the exponentials of a line.
absl::StatusOr<Prepared> PrepareSoftmax(const ShapeContext& context) {
  ASSIGN_OR_RETURN(const int axis, AxisOf(context));
  return MakePrepared(axis, context.dims(0)[axis] * DTypeSize(context.dtype()));
}

LoopNest SoftmaxLoops(const ShapeContext& context) {
  const std::string letters = LettersAround(context.input(0).rank(), *AxisOf(context));
  return LoopsOf(absl::StrCat(letters, "->", letters), context);
}

}  // namespace flowgrad
