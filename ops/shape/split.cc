// Split: parts of a tensor along an axis. Views.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "ops/functions.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

// Sizes from input "split". They may be dims known by symbol only.
absl::StatusOr<SymbolicShape> GivenSizes(const ShapeContext& context, const Dim& whole) {
  SymbolicShape sizes;
  if (const SymbolicShape* value = context.dims_value(1)) {
    sizes = *value;
  } else {
    ASSIGN_OR_RETURN(const Ints values, ConstantInts(context, 1));
    sizes = ToSymbolic(values);
  }
  const auto negative = [](const Dim& dim) { return !dim.known() && !dim.is_symbol(); };
  Dim sum(0);
  for (const Dim& size : sizes) sum = sum + size;
  if (std::any_of(sizes.begin(), sizes.end(), negative) || sum != whole) {
    return absl::InvalidArgumentError(
        absl::StrCat("input \"split\" must be sizes from 0 on that add up to ", whole.ToString(),
                     " to match ", context.InputText(0), ", but is ", ShapeString(sizes)));
  }
  return sizes;
}

// `count` parts, all of the size of the first but for the last ones, which take what is left.
absl::StatusOr<SymbolicShape> EvenSizes(const ShapeContext& context, const Dim& whole,
                                        int64_t count) {
  if (!whole.known()) {
    const std::optional<Dim> size = Quotient(whole, Dim(count));
    if (size) return SymbolicShape(count, *size);
    return absl::InvalidArgumentError(
        absl::StrCat("the number of outputs ", count, " must divide ", whole.ToString(),
                     ", which is not known when the graph is built, of ", context.InputText(0),
                     ": give input \"split\""));
  }
  const int64_t size = (whole.value() + count - 1) / count;
  SymbolicShape sizes;
  for (int64_t rest = whole.value(); count > 0; --count, rest -= sizes.back().value()) {
    sizes.push_back(Dim(std::min(size, rest)));
  }
  return sizes;
}

absl::StatusOr<SymbolicShape> Sizes(const ShapeContext& context, int axis) {
  const Dim& whole = context.shape(0)[axis];
  const int num_outputs = context.num_outputs();
  const Attributes& attributes = context.attributes();
  if (attributes.has("num_outputs") && context.has_input(1)) {
    return absl::InvalidArgumentError(
        "input \"split\" and attribute \"num_outputs\" must not both be given");
  }
  if (!context.has_input(1)) {
    const int64_t count =
        attributes.has("num_outputs") ? attributes.Int("num_outputs") : num_outputs;
    if (count == num_outputs) return EvenSizes(context, whole, count);
    return absl::InvalidArgumentError(
        absl::StrCat("attribute \"num_outputs\" must be the number of outputs, ", num_outputs,
                     ", but is ", count));
  }
  ASSIGN_OR_RETURN(SymbolicShape sizes, GivenSizes(context, whole));
  if (static_cast<int>(sizes.size()) == num_outputs) return sizes;
  return absl::InvalidArgumentError(absl::StrCat("input \"split\" must have one size for each of ",
                                                 num_outputs, " outputs, but is ",
                                                 ShapeString(sizes)));
}

absl::StatusOr<int> Axis(const ShapeContext& context) {
  return NormalizeAxis(context.attributes().Int("axis"), context.input(0).rank());
}

absl::Status SplitShape(ShapeContext& context) {
  ASSIGN_OR_RETURN(const int axis, Axis(context));
  ASSIGN_OR_RETURN(const SymbolicShape sizes, Sizes(context, axis));
  SymbolicShape shape = context.shape(0);
  for (int i = 0; i < context.num_outputs(); ++i) {
    shape[axis] = sizes[i];
    context.SetOutput(i, shape);
  }
  return absl::OkStatus();
}

bool SplitView(const ShapeContext& context, absl::Span<const int64_t> strides, int output,
               ViewMap& map) {
  const int axis = *Axis(context);
  int64_t begin = 0;
  for (int i = 0; i < output; ++i) begin += context.output(i).shape[axis].value();
  map.offset = begin * strides[axis];
  map.strides.assign(strides.begin(), strides.end());
  return true;
}

// dx = the gradients of the parts, one after the other; zeros where nothing flows.
absl::Status SplitGradient(GradientContext& context) {
  ASSIGN_OR_RETURN(const int axis, Axis(context.shapes()));
  std::vector<Value> parts;
  for (int i = 0; i < context.num_outputs(); ++i) {
    Value part = context.output_gradient(i);
    if (!part) {
      const Value zero = context.builder().Scalar(context.shapes().dtype(), 0);
      part = Call("Expand", {zero, Call("Shape", {context.output(i)})});
    }
    parts.push_back(part);
  }
  context.set_input_gradient(0, Call("Concat", std::move(parts), {{"axis", axis}}));
  return absl::OkStatus();
}

}  // namespace

void RegisterSplit(OpRegistry& registry) {
  registry.Add(OpDef("Split", {"input", "split?:int64"}, {"outputs*"})
                   .Doc("Parts of a tensor along an axis: views.", "split(%0)")
                   .Attribute("axis", 0, "The axis; a negative one counts from the end.")
                   .OptionalAttribute(
                       "num_outputs", AttributeType::kInt,
                       "Number of outputs; without \"split\" they have one size, the last ones "
                       "a smaller one where it does not divide.")
                   .Shape(SplitShape)
                   .ViewOf(AllTypes(), SplitView)
                   .Gradient(SplitGradient));
}

}  // namespace flowgrad
