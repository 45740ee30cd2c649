// Squeeze: the same elements without dims of size 1. A view.

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/shape/reshape_view.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

// Without "axes" all dims of size 1 go, so all must be known.
absl::StatusOr<std::vector<int>> SqueezedAxes(const ShapeContext& context) {
  const SymbolicShape& shape = context.shape(0);
  if (context.has_input(1)) {
    ASSIGN_OR_RETURN(const Ints axes, ConstantInts(context, 1));
    return NormalizeAxes(axes, context.input(0).rank(), "input \"axes\"");
  }
  if (!IsKnown(shape)) {
    return absl::InvalidArgumentError(absl::StrCat("input \"axes\" is needed, because ",
                                                   context.InputText(0),
                                                   " has dims that are not known"));
  }
  std::vector<int> axes;
  for (int d = 0; d < static_cast<int>(shape.size()); ++d) {
    if (shape[d] == Dim(1)) axes.push_back(d);
  }
  return axes;
}

absl::Status SqueezeShape(ShapeContext& context) {
  ASSIGN_OR_RETURN(const std::vector<int> axes, SqueezedAxes(context));
  const SymbolicShape& shape = context.shape(0);
  for (const int axis : axes) {
    if (shape[axis] != Dim(1)) {
      return absl::InvalidArgumentError(
          absl::StrCat("input \"axes\" must name dims of size 1, but dim ", axis, " of ",
                       context.InputText(0), " is ", shape[axis].ToString()));
    }
  }
  context.SetOutput(0, ReducedShape(shape, axes, /*keepdims=*/false));
  if (const SymbolicShape* value = context.dims_value(0)) context.SetOutputDimsValue(*value);
  return absl::OkStatus();
}

}  // namespace

void RegisterSqueeze(OpRegistry& registry) {
  registry.Add(
      OpDef("Squeeze", {"data", "axes?:int64"}, {"squeezed"})
          .Doc("The same elements without the dims \"axes\", or all dims, of size 1: a view.",
               "squeeze(%0)")
          .Shape(SqueezeShape)
          .ViewOf(AllTypes(), ReshapeView)
          .Gradient(ReshapeGradient));
}

}  // namespace flowgrad
