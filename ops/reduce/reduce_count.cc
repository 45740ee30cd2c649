// ReduceCount: how many elements go into each element of a reduction, as a number in the data's
// dtype.
//
// What a mean divides by. The count is not part of the graph, so a batch whose size is a symbol
// has one.

#include "base/status_macros.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/reduce/reduction.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

absl::Status ReduceCountShape(ShapeContext& context) {
  RETURN_IF_ERROR(ReductionAxes(context).status());
  context.SetOutput(0, {});
  return absl::OkStatus();
}

absl::StatusOr<Prepared> PrepareReduceCount(const ShapeContext& context) {
  ASSIGN_OR_RETURN(const std::vector<int> axes, ReductionAxes(context));
  int64_t count = 1;
  for (const int axis : axes) count *= context.dims(0)[axis];
  return MakePrepared(count);
}

template <class T>
absl::Status ReduceCountKernel(const KernelContext& context) {
  *context.outputs[0].as<T>() = static_cast<T>(context.prepared<int64_t>());
  return absl::OkStatus();
}

// Zero: a count does not depend on elements.
absl::Status ReduceCountGradient(GradientContext&) { return absl::OkStatus(); }

}  // namespace

void RegisterReduceCount(OpRegistry& registry) {
  registry.Add(OpDef("ReduceCount", {"data", "axes?:int64"}, {"count"})
                   .Doc("Number of elements along axes. Reads no element.", "count(%0)")
                   .Attribute("noop_with_empty_axes", 0, "1: no axes count 1; 0: they count all.")
                   .Shape(ReduceCountShape)
                   .Prepare(PrepareReduceCount)
                   .Kernels(NumericTypes(),
                            []<class T>(const KernelContext& c) { return ReduceCountKernel<T>(c); })
                   .ReadsShapeOnly(0)
                   .Gradient(ReduceCountGradient));
}

}  // namespace flowgrad
