#include "ops/bound_shapes.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"

namespace flowgrad {

std::optional<SymbolicShape> DimsValueOf(const Tensor& tensor) {
  if (tensor.dtype() != DType::kInt64 || tensor.rank() > 1 || tensor.num_elements() > kMaxRank) {
    return std::nullopt;
  }
  SymbolicShape dims;
  const int64_t stride = tensor.rank() == 0 ? 0 : tensor.strides()[0];
  for (int64_t i = 0; i < tensor.num_elements(); ++i)
    dims.push_back(Dim(tensor.data<int64_t>()[i * stride]));
  return dims;
}

struct BoundShapes::Data {
  Data(const OpDef* op, const Attributes* attributes, std::vector<std::optional<Input>> inputs,
       int num_outputs);

  std::vector<std::optional<Input>> inputs;
  std::vector<std::optional<SymbolicShape>> values;
  std::vector<const TensorType*> type_pointers;
  std::vector<const Tensor*> constants;
  std::vector<const SymbolicShape*> dims_values;
  ShapeContext context;
};

BoundShapes::Data::Data(const OpDef* op, const Attributes* attributes,
                        std::vector<std::optional<Input>> bound, int num_outputs)
    : inputs(std::move(bound)),
      values(inputs.size()),
      type_pointers(inputs.size()),
      constants(inputs.size()),
      dims_values(inputs.size()),
      context(op, attributes, ShapeContext::Inputs{type_pointers, constants, dims_values},
              num_outputs) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i]) continue;
    type_pointers[i] = &inputs[i]->type;
    if (!inputs[i]->value.present()) continue;
    constants[i] = &inputs[i]->value;
    values[i] = DimsValueOf(inputs[i]->value);
    if (values[i]) dims_values[i] = &*values[i];
  }
}

const ShapeContext& BoundShapes::context() const { return data_->context; }

absl::StatusOr<BoundShapes> BoundShapes::Make(const OpDef* op, const Attributes* attributes,
                                              std::vector<std::optional<Input>> inputs,
                                              int num_outputs) {
  const auto data = std::make_shared<Data>(op, attributes, std::move(inputs), num_outputs);
  RETURN_IF_ERROR(op->InferShapes(data->context));
  BoundShapes shapes;
  shapes.data_ = data;
  return shapes;
}

absl::Status BoundShapes::CheckKnown() const {
  for (int i = 0; i < context().num_outputs(); ++i) {
    const TensorType& type = context().output(i);
    if (!IsKnown(type.shape) || NumElements(KnownDims(type.shape)) < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("output ", Quoted(context().op().output_port(i).name), " ", type.ToString(),
                       " has more elements than can be counted"));
    }
  }
  return absl::OkStatus();
}

}  // namespace flowgrad
