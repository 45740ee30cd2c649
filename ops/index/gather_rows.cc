#include "ops/index/gather_rows.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/shape_functions.h"

namespace flowgrad {

absl::StatusOr<int> CheckedGatherAxis(const ShapeContext& context, int data) {
  const DType dtype = context.dtype(1);
  if (dtype != DType::kInt32 && dtype != DType::kInt64) {
    return absl::InvalidArgumentError(
        absl::StrCat("input \"indices\" must be int32 or int64, but is ", DTypeName(dtype)));
  }
  const int rank = context.input(data).rank();
  if (rank - 1 + context.input(1).rank() > kMaxRank) {
    return absl::InvalidArgumentError(absl::StrCat(
        context.InputText(data), " and ", context.InputText(1), " give a result of rank ",
        rank - 1 + context.input(1).rank(), ", but the rank is at most ", kMaxRank));
  }
  return NormalizeAxis(context.attributes().Int("axis"), rank);
}

SymbolicShape GatheredShape(const ShapeContext& context, int data, int axis) {
  SymbolicShape shape = context.shape(data);
  const SymbolicShape& indices = context.shape(1);
  shape.erase(shape.begin() + axis);
  shape.insert(shape.begin() + axis, indices.begin(), indices.end());
  return shape;
}

std::string DataLetters(int rank, int axis, char axis_letter) {
  std::string letters = LettersAround(rank, axis);
  letters[axis] = axis_letter;
  return letters;
}

std::string IndexLetters(int rank) {
  std::string letters;
  for (int d = 0; d < rank; ++d) letters += static_cast<char>('A' + d);
  return letters;
}

std::string GatheredLetters(int rank, int axis, absl::string_view index_letters) {
  return LettersAround(rank, axis).replace(axis, 1, std::string(index_letters));
}

GatherWalk::GatherWalk(const View& data, const View& indices, const View& gathered, int axis)
    : row_stride(data.strides[axis]) {
  const int last = data.rank - 1;
  const int shift = indices.rank - 1;  // of an inner dim of `gathered` against that of `data`
  for (int d = 0; d < axis; ++d) {
    places.AddDim(data.dims[d], {data.strides[d], 0, gathered.strides[d]});
  }
  for (int d = 0; d < indices.rank; ++d) {
    places.AddDim(indices.dims[d], {0, indices.strides[d], gathered.strides[axis + d]});
  }
  for (int d = axis + 1; d < last; ++d) {
    places.AddDim(data.dims[d], {data.strides[d], 0, gathered.strides[d + shift]});
  }
  if (last > axis) {
    run = data.dims[last];
    data_step = data.strides[last];
    gathered_step = gathered.strides[last + shift];
  }
}

}  // namespace flowgrad
