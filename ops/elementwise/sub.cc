// Sub: C = A - B, element by element, broadcast.

#include "ops/functions.h"
#include "ops/integer.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

absl::Status SubGradient(GradientContext& context) {
  const Value dc = context.output_gradient();
  SetBroadcastGradient(context, 0, [&] { return dc; });
  SetBroadcastGradient(context, 1, [&] { return -dc; });
  return absl::OkStatus();
}

}  // namespace

void RegisterSub(OpRegistry& registry) {
  registry.Add(OpDef("Sub", {"A", "B"}, {"C"})
                   .Doc("Difference of two tensors, element by element, broadcast.", "%0 - %1")
                   .Elementwise(NumericTypes(), []<class T>(T a, T b) { return WrappingSub(a, b); })
                   .Gradient(SubGradient));
}

}  // namespace flowgrad
