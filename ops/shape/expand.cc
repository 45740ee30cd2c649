// Expand: broadcast to a shape. A view with stride 0.

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/functions.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

// Both ways, as ONNX says: a 1 in "shape" keeps the input's dim.
absl::Status ExpandShape(ShapeContext& context) {
  const SymbolicShape* target = context.dims_value(1);
  if (target == nullptr) {
    return absl::InvalidArgumentError(
        "input \"shape\" must be known when the graph is built, and have at most 8 numbers: make "
        "it a Constant");
  }
  RETURN_IF_ERROR(CheckDims(*target, "input \"shape\""));
  absl::StatusOr<SymbolicShape> shape = Broadcast(context.shape(0), *target);
  if (!shape.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(context.InputText(0), " cannot be expanded to ", ShapeString(*target),
                     ": dims must be equal or 1, aligned at the end"));
  }
  context.SetOutput(0, *std::move(shape));
  return absl::OkStatus();
}

bool ExpandView(const ShapeContext& context, absl::Span<const int64_t> strides, int, ViewMap& map) {
  const Dims dims = context.dims(0), expanded = context.output_dims(0);
  map.strides.assign(expanded.size(), 0);
  const size_t shift = expanded.size() - dims.size();
  for (size_t d = 0; d < dims.size(); ++d) {
    if (dims[d] == expanded[d + shift]) map.strides[d + shift] = strides[d];
  }
  return true;
}

// dx = dy summed over the axes that were stretched.
absl::Status ExpandGradient(GradientContext& context) {
  SetBroadcastGradient(context, 0, [&] { return context.output_gradient(); });
  return absl::OkStatus();
}

}  // namespace

void RegisterExpand(OpRegistry& registry) {
  registry.Add(OpDef("Expand", {"input", "shape:int64"}, {"output"})
                   .Doc("Broadcast to a shape: a view.", "expand(%0)")
                   .Shape(ExpandShape)
                   .ViewOf(AllTypes(), ExpandView)
                   .Gradient(ExpandGradient));
}

}  // namespace flowgrad
