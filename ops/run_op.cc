#include "ops/run_op.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "xxhash.h"

namespace flowgrad {

uint64_t StreamOf(absl::string_view name) { return XXH3_64bits(name.data(), name.size()); }

absl::StatusOr<OpCall> OpCall::Make(const OpDef* op, const Attributes* attributes,
                                    std::vector<Tensor> inputs, int num_outputs) {
  std::vector<std::optional<BoundShapes::Input>> bound;
  for (const Tensor& input : inputs) {
    bound.emplace_back();
    if (input.present()) bound.back() = BoundShapes::Input{input.type(), input};
  }
  OpCall call;
  call.inputs_ = std::move(inputs);
  ASSIGN_OR_RETURN(call.shapes_, BoundShapes::Make(op, attributes, std::move(bound), num_outputs));
  RETURN_IF_ERROR(call.shapes_.CheckKnown());
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
  const OpDef& op = shapes().op();
  if (op.body() == OpDef::Body::kView) return RunView(shapes(), inputs_[0]);
  const Kernel kernel = op.kernel(shapes().dtype());
  if (kernel == nullptr) {
    return absl::UnimplementedError(
        absl::StrCat("op has no kernel for dtype ", DTypeName(shapes().dtype())));
  }
  Prepared prepared;
  if (op.prepare() != nullptr) {
    ASSIGN_OR_RETURN(prepared, op.prepare()(shapes()));
  }
  std::vector<View> input_views, output_views;
  for (const Tensor& input : inputs_)
    input_views.push_back(input.present() ? input.view() : View());
  std::vector<Tensor> outputs;
  for (int i = 0; i < shapes().num_outputs(); ++i) {
    const bool left_out = needed != nullptr && !(*needed)[i] && op.output_port(i).optional;
    outputs.push_back(left_out ? Tensor()
                               : Tensor(shapes().output(i).dtype, shapes().output_dims(i)));
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
