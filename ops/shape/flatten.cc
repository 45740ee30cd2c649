// Flatten: a matrix of the same elements; dims before an axis become its rows, the others its
// columns. A view where the strides allow it.

#include "absl/strings/str_cat.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/shape/reshape_view.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

absl::Status FlattenShape(ShapeContext& context) {
  const SymbolicShape& from = context.shape(0);
  const int rank = context.input(0).rank();
  int64_t axis = context.attributes().Int("axis");
  if (axis < -rank || axis > rank) {  // unlike other axes it may be the rank itself
    return absl::InvalidArgumentError(absl::StrCat("attribute \"axis\" must be from ", -rank,
                                                   " to ", rank, " for ", context.InputText(0),
                                                   ", but is ", axis));
  }
  if (axis < 0) axis += rank;
  const int split = static_cast<int>(axis);
  context.SetOutput(0, {ProductOf(from, 0, split), ProductOf(from, split, rank)});
  return absl::OkStatus();
}

}  // namespace

void RegisterFlatten(OpRegistry& registry) {
  registry.Add(OpDef("Flatten", {"input"}, {"output"})
                   .Doc("A matrix of the same elements.", "flatten(%0)")
                   .Attribute("axis", 1, "Dims before it become the rows, the others the columns.")
                   .Shape(FlattenShape)
                   .ViewOf(AllTypes(), ReshapeView)
                   .Gradient(ReshapeGradient));
}

}  // namespace flowgrad
