#include "ops/run_op.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "xxhash.h"

namespace flowgrad {

// What a ShapeContext points to.
struct OpCall::Types {
  std::vector<TensorType> types;
  std::vector<std::optional<SymbolicShape>> values;
  std::vector<const TensorType*> type_pointers;
  std::vector<const Tensor*> constants;
  std::vector<const SymbolicShape*> dims_values;
  std::vector<Tensor> tensors;
};

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

uint64_t StreamOf(absl::string_view name) { return XXH3_64bits(name.data(), name.size()); }

absl::StatusOr<OpCall> OpCall::Make(const OpDef* op, const Attributes* attributes,
                                    std::vector<Tensor> inputs, int num_outputs) {
  auto types = std::make_shared<Types>();
  types->tensors = inputs;
  types->types.resize(inputs.size());
  types->values.resize(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& tensor = types->tensors[i];
    const bool present = tensor.present();
    if (present) {
      types->types[i] = tensor.type();
      types->values[i] = DimsValueOf(tensor);
    }
    types->type_pointers.push_back(present ? &types->types[i] : nullptr);
    types->constants.push_back(present ? &tensor : nullptr);
    types->dims_values.push_back(types->values[i] ? &*types->values[i] : nullptr);
  }
  auto shapes = std::make_shared<ShapeContext>(
      op, attributes,
      ShapeContext::Inputs{types->type_pointers, types->constants, types->dims_values},
      num_outputs);
  RETURN_IF_ERROR(op->InferShapes(*shapes));
  for (int i = 0; i < num_outputs; ++i) {
    const TensorType& type = shapes->output(i);
    if (!IsKnown(type.shape) || NumElements(shapes->output_dims(i)) < 0) {
      return absl::InvalidArgumentError(absl::StrCat("output ", Quoted(op->output_port(i).name),
                                                     " ", type.ToString(),
                                                     " has more elements than can be counted"));
    }
  }
  OpCall call;
  call.inputs_ = std::move(inputs);
  call.types_ = std::move(types);
  call.shapes_ = std::move(shapes);
  return call;
}

namespace {

absl::StatusOr<std::vector<Tensor>> RunView(const ShapeContext& shapes, const Tensor& input) {
  const OpDef& op = shapes.op();
  std::vector<Tensor> outputs;
  for (int i = 0; i < shapes.num_outputs(); ++i) {
    ViewMap map;
    Tensor source = input;
    if (!op.view()(shapes, source.strides(), i, map)) {
      source = input.Contiguous();
      map = ViewMap();
      if (!op.view()(shapes, source.strides(), i, map)) {
        return absl::InternalError("view op refuses even a contiguous input");
      }
    }
    outputs.push_back(source.WithLayout(shapes.output_dims(i), map.strides, map.offset));
  }
  return outputs;
}

}  // namespace

absl::StatusOr<std::vector<Tensor>> OpCall::Run(const StepValues& values, uint64_t stream,
                                                const std::vector<bool>* needed) const {
  const OpDef& op = shapes_->op();
  if (op.body() == OpDef::Body::kView) return RunView(*shapes_, inputs_[0]);
  const Kernel kernel = op.kernel(shapes_->dtype());
  if (kernel == nullptr) {
    return absl::UnimplementedError(
        absl::StrCat("op has no kernel for dtype ", DTypeName(shapes_->dtype())));
  }
  Prepared prepared;
  if (op.prepare() != nullptr) {
    ASSIGN_OR_RETURN(prepared, op.prepare()(*shapes_));
  }
  std::vector<View> input_views, output_views;
  for (const Tensor& input : inputs_)
    input_views.push_back(input.present() ? input.view() : View());
  std::vector<Tensor> outputs;
  for (int i = 0; i < shapes_->num_outputs(); ++i) {
    const bool left_out = needed != nullptr && !(*needed)[i] && op.output_port(i).optional;
    outputs.push_back(left_out ? Tensor()
                               : Tensor(shapes_->output(i).dtype, shapes_->output_dims(i)));
  }
  for (const Tensor& output : outputs)
    output_views.push_back(output.present() ? output.view() : View());
  const Tensor scratch(DType::kBool, {prepared.scratch_bytes});
  const Dims origin(kMaxRank * 2, 0);
  KernelContext context;
  context.inputs = input_views;
  context.outputs = output_views;
  context.origin = origin;
  context.prepared_data = prepared.data.get();
  context.values = &values;
  context.stream = stream;
  context.scratch = scratch.bytes();
  RETURN_IF_ERROR(kernel(context));
  return outputs;
}

absl::StatusOr<std::vector<Tensor>> RunOp(const OpDef& op, Attributes attributes,
                                          std::vector<Tensor> inputs, int num_outputs,
                                          const StepValues& values, uint64_t stream) {
  RETURN_IF_ERROR(op.CompleteAttributes(attributes));
  ASSIGN_OR_RETURN(const OpCall call,
                   OpCall::Make(&op, &attributes, std::move(inputs), num_outputs));
  return call.Run(values, stream);
}

}  // namespace flowgrad
