// ReduceMin: the smallest element along axes. NaN wins; nothing gives infinity, or the dtype's end.

#include "ops/op_registry.h"
#include "ops/reduce/reduce_extreme.h"

namespace flowgrad {

void RegisterReduceMin(OpRegistry& registry) {
  registry.Add(ReduceExtreme<Smallest>("ReduceMin",
                                       "The smallest element along axes; equal elements share the "
                                       "gradient evenly.",
                                       "min(%0)"));
}

}  // namespace flowgrad
