#include "ops/normalize/normalized_rows.h"

#include "absl/strings/str_cat.h"
#include "ops/shape_functions.h"

namespace flowgrad {

absl::StatusOr<int> NormalizationAxis(const ShapeContext& context, int x) {
  return NormalizeAxis(context.attributes().Int("axis"), context.input(x).rank());
}

absl::Status CheckRowInput(const ShapeContext& context, int i, int x, int axis) {
  if (!context.has_input(i)) return absl::OkStatus();
  const SymbolicShape& shape = context.shape(i);
  const SymbolicShape& whole = context.shape(x);
  const int shift = static_cast<int>(whole.size()) - static_cast<int>(shape.size());
  bool fits = shift >= axis;
  for (int d = 0; fits && d < static_cast<int>(shape.size()); ++d) {
    fits = shape[d] == Dim(1) || shape[d] == whole[d + shift];
  }
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(context.InputText(i), " must broadcast to ",
                   ShapeString(SymbolicShape(whole.begin() + axis, whole.end())), ", the dims of ",
                   context.InputText(x), " from axis ", axis));
}

SymbolicShape RowStatisticsShape(const ShapeContext& context, int x, int axis) {
  SymbolicShape shape = context.shape(x);
  for (int d = axis; d < static_cast<int>(shape.size()); ++d) shape[d] = Dim(1);
  return shape;
}

std::string RowLetters(int axis) {
  std::string letters;
  for (int d = 0; d < axis; ++d) letters += static_cast<char>('a' + d);
  return letters;
}

int64_t RowScratchBytes(const ShapeContext& context, int x, int axis, int count) {
  return LineScratchBytes(context, x, axis, context.input(x).rank(),
                          count * DTypeSize(context.dtype()));
}

}  // namespace flowgrad
