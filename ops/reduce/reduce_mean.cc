// ReduceMean: the mean along axes, a sum divided by its count. The mean of nothing is NaN.

#include "base/status_macros.h"
#include "ops/functions.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/reduce/reduction.h"
#include "ops/shape_functions.h"

namespace flowgrad {
namespace {

absl::Status ReduceMeanBody(CompositionContext& context) {
  ASSIGN_OR_RETURN(const std::vector<int> axes, ReductionAxes(context.shapes()));
  const std::vector<int64_t> list(axes.begin(), axes.end());
  const Value x = context.input(0);
  const bool keepdims = context.attributes().Int("keepdims");
  context.set_output(0, ReduceSum(x, list, keepdims) / ReduceCount(x, list));
  return absl::OkStatus();
}

}  // namespace

void RegisterReduceMean(OpRegistry& registry) {
  registry.Add(OpDef("ReduceMean", {"data", "axes?:int64"}, {"reduced"})
                   .Doc("Mean along axes; of integers rounded towards zero.", "mean(%0)")
                   .Attribute("keepdims", 1, "1: a reduced axis stays, with size 1.")
                   .Attribute("noop_with_empty_axes", 0, "1: no axes change nothing; 0: all axes.")
                   .Shape(ReductionShape)
                   .Composed(NumericTypes(), ReduceMeanBody));
}

}  // namespace flowgrad
