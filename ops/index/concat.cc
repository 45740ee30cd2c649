// Concat: tensors one after the other along an axis.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/block_space.h"
#include "ops/functions.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

absl::StatusOr<int> Axis(const ShapeContext& context) {
  return NormalizeAxis(context.attributes().Int("axis"), context.input(0).rank());
}

// Vectors of dims give a vector of dims.
void SetConcatenatedValue(ShapeContext& context) {
  SymbolicShape dims;
  for (int i = 0; i < context.num_inputs(); ++i) {
    const SymbolicShape* value = context.dims_value(i);
    if (value == nullptr) return;
    dims.insert(dims.end(), value->begin(), value->end());
  }
  if (dims.size() <= kMaxRank) context.SetOutputDimsValue(std::move(dims));
}

absl::Status ConcatShape(ShapeContext& context) {
  ASSIGN_OR_RETURN(const int axis, Axis(context));
  SymbolicShape shape = context.shape(0);
  for (int i = 1; i < context.num_inputs(); ++i) {
    SymbolicShape other = context.shape(i);
    const bool same_rank = other.size() == shape.size();
    if (same_rank) {
      shape[axis] = shape[axis] + other[axis];
      other[axis] = shape[axis];
    }
    if (other != shape) {
      return absl::InvalidArgumentError(absl::StrCat(
          "inputs must have equal dims but for dim ", axis, ", but input ", i, " is ",
          ShapeString(context.shape(i)), " and input 0 is ", ShapeString(context.shape(0))));
    }
  }
  context.SetOutput(0, std::move(shape));
  SetConcatenatedValue(context);
  return absl::OkStatus();
}

LoopNest ConcatLoops(const ShapeContext& context) {
  const std::string letters = LettersAround(context.input(0).rank(), *Axis(context));
  return LoopsOf(absl::StrCat(letters, "->", letters), context);
}

absl::StatusOr<Prepared> PrepareConcat(const ShapeContext& context) {
  ASSIGN_OR_RETURN(const int axis, Axis(context));
  return MakePrepared(axis);
}

absl::Status ConcatKernel(const KernelContext& context) {
  const int axis = context.prepared<int>();
  const View& y = context.outputs[0];
  View part = y;
  for (const View& x : context.inputs) {
    part.dims = x.dims;
    CopyElements(x, part);
    part.data = part.as<char>() + x.dims[axis] * y.strides[axis] * DTypeSize(y.dtype);
  }
  return absl::OkStatus();
}

// The sizes of the inputs along the axis, as Split takes them: worked out from shapes only where
// some are not known yet.
Value SizesAlong(const GradientContext& context, int axis) {
  Ints sizes;
  std::vector<Value> symbolic;
  for (int i = 0; i < context.num_inputs(); ++i) {
    const Dim& size = context.shapes().shape(i)[axis];
    sizes.push_back(size.known() ? size.value() : -1);
  }
  const bool known = *std::min_element(sizes.begin(), sizes.end()) >= 0;
  if (known) return IntsConstant(context.builder(), sizes);
  const Value begin = IntsConstant(context.builder(), {axis});
  const Value end = IntsConstant(context.builder(), {axis + 1});
  for (int i = 0; i < context.num_inputs(); ++i) {
    symbolic.push_back(Call("Slice", {Call("Shape", {context.input(i)}), begin, end}));
  }
  return Call("Concat", std::move(symbolic), {{"axis", 0}});
}

// The gradients of the inputs are parts of dy: views.
absl::Status ConcatGradient(GradientContext& context) {
  ASSIGN_OR_RETURN(const int axis, Axis(context.shapes()));
  const int count = context.num_inputs();
  const std::vector<Value> parts = CallMany(
      "Split", {context.output_gradient(), SizesAlong(context, axis)}, {{"axis", axis}}, count);
  for (int i = 0; i < count; ++i) {
    if (context.wanted(i)) context.set_input_gradient(i, parts[i]);
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterConcat(OpRegistry& registry) {
  registry.Add(
      OpDef("Concat", {"inputs*"}, {"concat_result"})
          .Doc("Tensors one after the other along an axis.", "concat(%*)")
          .RequiredAttribute("axis", AttributeType::kInt,
                             "The axis; a negative one counts from the end.")
          .Shape(ConcatShape)
          .Loops(ConcatLoops)
          .Prepare(PrepareConcat)
          .Kernels(AllTypes(), []<class T>(const KernelContext& c) { return ConcatKernel(c); })
          .Gradient(ConcatGradient));
}

}  // namespace flowgrad
