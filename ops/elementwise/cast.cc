// Cast: the same numbers in another dtype.
//
// Float to integer rounds towards zero, NaN gives 0 and what is out of range the nearest end; to
// bool is `!= 0`, so NaN is true. int64 to int32 keeps the low bits; all else is rounded to
// nearest.

#include "absl/strings/str_cat.h"
#include "ops/block_space.h"
#include "ops/functions.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

absl::Status CastShape(ShapeContext& context) {
  absl::StatusOr<DType> to = ParseDType(context.attributes().String("to"));
  if (!to.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("attribute \"to\": ", to.status().message()));
  }
  context.SetOutput(0, *to, context.shape(0));
  const SymbolicShape* value = context.dims_value(0);
  if (value != nullptr && *to == DType::kInt64) context.SetOutputDimsValue(*value);
  return absl::OkStatus();
}

template <class From, class To>
void CastElements(const View& x, const View& y) {
  BlockSpace space(y.shape());
  const int source = space.Add(x), target = space.Add(y);
  space.Merge();
  alignas(64) From from_buffer[kBlockElements];
  alignas(64) To to_buffer[kBlockElements];
  for (int64_t begin = 0, n; begin < space.num_elements(); begin += n) {
    n = space.BlockAt(begin);
    const From* from = static_cast<const From*>(space.Load(source, begin, n, from_buffer));
    To* to = static_cast<To*>(space.Target(target, begin, n, to_buffer));
    for (int64_t i = 0; i < n; ++i) to[i] = CastTo<To>(from[i]);
    if (to == to_buffer) space.Store(target, begin, n, to);
  }
}

template <class T>
absl::Status CastKernel(const KernelContext& context) {
  const View& x = context.inputs[0];
  const View& y = context.outputs[0];
  VisitDType(y.dtype, [&](auto zero) { CastElements<T, decltype(zero)>(x, y); });
  return absl::OkStatus();
}

// dx = dy in the dtype of x. Nothing flows through an integer or a truth value.
absl::Status CastGradient(GradientContext& context) {
  const DType dtype = context.shapes().dtype(0);
  const Value dy = context.output_gradient();
  if (IsFloating(dtype) && IsFloating(dy.type().dtype)) {
    context.set_input_gradient(0, Cast(dy, dtype));
  }
  return absl::OkStatus();
}

}  // namespace

void RegisterCast(OpRegistry& registry) {
  registry.Add(
      OpDef("Cast", {"input"}, {"output"})
          .Doc("The same numbers in another dtype.", "%to(%0)")
          .RequiredAttribute("to", AttributeType::kString,
                             "The dtype: float, double, int32, int64 or bool.")
          .Shape(CastShape)
          .Loops(ElementwiseLoops)
          .Kernels(AllTypes(), []<class T>(const KernelContext& c) { return CastKernel<T>(c); })
          .Gradient(CastGradient));
}

}  // namespace flowgrad
