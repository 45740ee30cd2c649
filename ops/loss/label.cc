#include "ops/loss/label.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "ops/shape_functions.h"

namespace flowgrad {

absl::StatusOr<LabelSpec> LabelSpecOf(const ShapeContext& context, int data) {
  LabelSpec spec;
  ASSIGN_OR_RETURN(spec.axis,
                   NormalizeAxis(context.attributes().Int("axis"), context.input(data).rank()));
  if (context.attributes().has("ignore_index")) {
    spec.ignored = context.attributes().Int("ignore_index");
  }
  return spec;
}

absl::Status CheckLabels(const ShapeContext& context, int labels, int data, int axis) {
  const DType dtype = context.dtype(labels);
  if (dtype != DType::kInt64 && dtype != DType::kInt32) {
    return absl::InvalidArgumentError(
        absl::StrCat("input ", Quoted(context.op().input_port(labels).name),
                     " must be int64 or int32, but is ", DTypeName(dtype)));
  }
  const SymbolicShape expected = ReducedShape(context.shape(data), {axis}, /*keepdims=*/false);
  if (context.shape(labels) == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(context.InputText(labels), " must have the shape ",
                                                 ShapeString(expected), ": that of ",
                                                 context.InputText(data), " without axis ", axis));
}

absl::Status BadLabel(const KernelContext& context, const View& labels, int64_t count,
                      int64_t label, int64_t classes) {
  Dims place(labels.rank);
  for (int d = labels.rank - 1; d >= 0; --d) {
    place[d] = context.origin[d] + count % labels.dims[d];
    count /= labels.dims[d];
  }
  std::string which = "label";
  if (labels.rank > 0) {
    absl::StrAppend(&which, " of sample ", context.values->first_sample + place[0]);
  }
  if (labels.rank > 1) {
    absl::StrAppend(&which, " at ", DimsString(absl::MakeConstSpan(place).subspan(1)));
  }
  return absl::InvalidArgumentError(
      absl::StrCat(which, " must be from 0 to ", classes - 1, ", but is ", label));
}

}  // namespace flowgrad
