// ReduceMax: the largest element along axes. NaN wins; nothing gives -infinity, or the dtype's end.

#include "ops/op_registry.h"
#include "ops/reduce/reduce_extreme.h"

namespace flowgrad {

void RegisterReduceMax(OpRegistry& registry) {
  registry.Add(ReduceExtreme<Largest>("ReduceMax",
                                      "The largest element along axes; equal elements share the "
                                      "gradient evenly.",
                                      "max(%0)"));
}

}  // namespace flowgrad
