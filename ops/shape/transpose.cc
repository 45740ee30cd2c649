// Transpose: the axes in another order. A view.

#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

// perm[d] is the input axis that becomes output axis d; by default the axes are reversed.
absl::StatusOr<Ints> Permutation(const ShapeContext& context) {
  const int rank = context.input(0).rank();
  if (!context.attributes().has("perm")) {
    Ints reversed(rank);
    std::iota(reversed.rbegin(), reversed.rend(), 0);
    return reversed;
  }
  const Ints& perm = context.attributes().IntList("perm");
  std::vector<bool> seen(rank, false);
  bool valid = static_cast<int>(perm.size()) == rank;
  for (const int64_t axis : perm) {
    valid = valid && axis >= 0 && axis < rank && !seen[axis];
    if (valid) seen[axis] = true;
  }
  if (!valid) {
    return absl::InvalidArgumentError(
        absl::StrCat("attribute \"perm\" must be a permutation of 0 to ", rank - 1, " to match ",
                     context.InputText(0), ", but is [", absl::StrJoin(perm, ","), "]"));
  }
  return perm;
}

absl::Status TransposeShape(ShapeContext& context) {
  ASSIGN_OR_RETURN(const Ints perm, Permutation(context));
  SymbolicShape shape;
  for (const int64_t axis : perm) shape.push_back(context.shape(0)[axis]);
  context.SetOutput(0, std::move(shape));
  return absl::OkStatus();
}

bool TransposeView(const ShapeContext& context, absl::Span<const int64_t> strides, int,
                   ViewMap& map) {
  const Ints perm = *Permutation(context);
  for (const int64_t axis : perm) map.strides.push_back(strides[axis]);
  return true;
}

// dx = dy with the axes put back.
absl::Status TransposeGradient(GradientContext& context) {
  ASSIGN_OR_RETURN(const Ints perm, Permutation(context.shapes()));
  Ints inverse(perm.size());
  for (size_t d = 0; d < perm.size(); ++d) inverse[perm[d]] = static_cast<int64_t>(d);
  context.set_input_gradient(0,
                             Call("Transpose", {context.output_gradient()}, {{"perm", inverse}}));
  return absl::OkStatus();
}

}  // namespace

void RegisterTranspose(OpRegistry& registry) {
  registry.Add(OpDef("Transpose", {"data"}, {"transposed"})
                   .Doc("The axes in another order: a view.", "transpose(%0)")
                   .OptionalAttribute("perm", AttributeType::kInts,
                                      "Input axis of each output axis; default: reversed.")
                   .Shape(TransposeShape)
                   .ViewOf(AllTypes(), TransposeView)
                   .Gradient(TransposeGradient));
}

}  // namespace flowgrad
