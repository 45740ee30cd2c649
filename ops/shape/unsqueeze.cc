// Unsqueeze: the same elements with dims of size 1 put in. A view.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/shape/reshape_view.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

// The axes count in the result.
absl::Status UnsqueezeShape(ShapeContext& context) {
  ASSIGN_OR_RETURN(const Ints given, ConstantInts(context, 1));
  const int64_t rank = context.input(0).rank() + static_cast<int64_t>(given.size());
  if (rank > kMaxRank) {
    return absl::InvalidArgumentError(absl::StrCat("input \"axes\" adds ", given.size(),
                                                   " dims to ", context.InputText(0),
                                                   ", but the rank is at most ", kMaxRank));
  }
  ASSIGN_OR_RETURN(const std::vector<int> axes,
                   NormalizeAxes(given, static_cast<int>(rank), "input \"axes\""));
  SymbolicShape shape;
  auto next = context.shape(0).begin();
  for (int d = 0; d < rank; ++d) {
    shape.push_back(std::binary_search(axes.begin(), axes.end(), d) ? Dim(1) : *next++);
  }
  context.SetOutput(0, std::move(shape));
  const SymbolicShape* value = context.dims_value(0);
  if (value != nullptr && rank <= 1) context.SetOutputDimsValue(*value);
  return absl::OkStatus();
}

}  // namespace

void RegisterUnsqueeze(OpRegistry& registry) {
  registry.Add(OpDef("Unsqueeze", {"data", "axes:int64"}, {"expanded"})
                   .Doc("The same elements with dims of size 1 at \"axes\" of the result: a view.",
                        "unsqueeze(%0)")
                   .Shape(UnsqueezeShape)
                   .ViewOf(AllTypes(), ReshapeView)
                   .Gradient(ReshapeGradient));
}

}  // namespace flowgrad
