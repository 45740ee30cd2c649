// Identity: the input itself. A view.

#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/shape/reshape_view.h"

namespace flowgrad {
namespace {

absl::Status IdentityShape(ShapeContext& context) {
  context.SetOutput(0, context.shape(0));
  if (const SymbolicShape* value = context.dims_value(0)) context.SetOutputDimsValue(*value);
  return absl::OkStatus();
}

}  // namespace

void RegisterIdentity(OpRegistry& registry) {
  registry.Add(OpDef("Identity", {"input"}, {"output"})
                   .Doc("The input itself: a view.", "%0")
                   .Shape(IdentityShape)
                   .ViewOf(AllTypes(), ReshapeView)
                   .Gradient(ReshapeGradient));
}

}  // namespace flowgrad
