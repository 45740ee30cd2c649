// Reshape: the same elements in another shape. A view where the strides allow it.

#include "absl/strings/str_cat.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/shape/reshape_view.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

absl::Status ReshapeShape(ShapeContext& context) {
  const SymbolicShape* target = context.dims_value(1);
  if (target == nullptr) {
    return absl::InvalidArgumentError(
        "input \"shape\" must be known when the graph is built, and have at most 8 numbers: make "
        "it a Constant");
  }
  const SymbolicShape& from = context.shape(0);
  if (target->size() > kMaxRank) {
    return absl::InvalidArgumentError(absl::StrCat("input \"shape\" must have at most ", kMaxRank,
                                                   " numbers, but has ", target->size()));
  }
  SymbolicShape shape = *target;
  int inferred = -1;
  for (int d = 0; d < static_cast<int>(shape.size()); ++d) {
    if (shape[d] == Dim(-1)) {
      if (inferred >= 0) {
        return absl::InvalidArgumentError(
            absl::StrCat("input \"shape\" must have at most one -1, but is ", ShapeString(shape)));
      }
      inferred = d;
    } else if (!shape[d].known() && !shape[d].is_symbol()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "input \"shape\" must have no number below -1, but is ", ShapeString(shape)));
    } else if (shape[d] == Dim(0) && !context.attributes().Int("allowzero")) {
      if (d >= static_cast<int>(from.size())) {
        return absl::InvalidArgumentError(absl::StrCat("input \"shape\" ", ShapeString(shape),
                                                       " copies dim ", d, " of ",
                                                       context.InputText(0), ", which has none"));
      }
      shape[d] = from[d];
    }
  }
  if (inferred >= 0) {
    shape[inferred] = Dim(1);
    const Dim rest = ProductOf(shape, 0, shape.size());
    const std::optional<Dim> dim = Quotient(ProductOf(from, 0, from.size()), rest);
    if (!dim) {
      return absl::InvalidArgumentError(
          absl::StrCat(context.InputText(0), " cannot be reshaped to ", ShapeString(*target),
                       ": its size is no multiple of ", rest.ToString()));
    }
    shape[inferred] = *dim;
  }
  if (ProductOf(from, 0, from.size()) != ProductOf(shape, 0, shape.size())) {
    return absl::InvalidArgumentError(absl::StrCat(context.InputText(0), " cannot be reshaped to ",
                                                   ShapeString(shape),
                                                   ": the numbers of elements differ"));
  }
  context.SetOutput(0, std::move(shape));
  return absl::OkStatus();
}

}  // namespace

void RegisterReshape(OpRegistry& registry) {
  registry.Add(OpDef("Reshape", {"data", "shape:int64"}, {"reshaped"})
                   .Doc("The same elements in another shape; -1 is worked out, 0 copies a dim.",
                        "reshape(%0)")
                   .Attribute("allowzero", 0, "1: a 0 in shape means 0 and copies nothing.")
                   .Shape(ReshapeShape)
                   .ViewOf(AllTypes(), ReshapeView)
                   .Gradient(ReshapeGradient));
}

}  // namespace flowgrad
