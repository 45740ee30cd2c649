#include "ops/index/element_index.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/shape_functions.h"

namespace flowgrad {

absl::StatusOr<int> ElementIndexAxis(const ShapeContext& context) {
  const SymbolicShape &data = context.shape(0), &indices = context.shape(1);
  ASSIGN_OR_RETURN(const int axis,
                   NormalizeAxis(context.attributes().Int("axis"), context.input(0).rank()));
  bool fits = data.size() == indices.size();
  for (int d = 0; fits && d < static_cast<int>(data.size()); ++d) {
    const bool comparable = data[d].known() && indices[d].known();
    if (d == axis || data[d] == indices[d]) continue;
    fits = comparable && indices[d].value() <= data[d].value();
  }
  if (fits) return axis;
  return absl::InvalidArgumentError(
      absl::StrCat(context.InputText(1), " must have the rank of ", context.InputText(0),
                   ", and dims that do not exceed it but along axis ", axis));
}

std::string ElementIndexLetters(const ShapeContext& context) {
  const int rank = context.input(0).rank();
  std::string letters = LettersAround(rank, *ElementIndexAxis(context));
  for (int d = 0; d < rank; ++d) {
    if (context.shape(0)[d] != context.shape(1)[d]) letters[d] = '.';
  }
  return letters;
}

absl::StatusOr<int64_t> NormalizeIndex(int64_t index, int64_t n) {
  if (index >= -n && index < n) return index < 0 ? index + n : index;
  return absl::InvalidArgumentError(absl::StrCat("input \"indices\" must hold numbers from ", -n,
                                                 " to ", n - 1, ", but holds ", index));
}

}  // namespace flowgrad
