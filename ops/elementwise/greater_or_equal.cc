// GreaterOrEqual: C = A >= B, element by element, broadcast. False beside NaN.

#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {

void RegisterGreaterOrEqual(OpRegistry& registry) {
  registry.Add(OpDef("GreaterOrEqual", {"A", "B"}, {"C"})
                   .Doc("Whether elements are greater or equal; broadcast.", "%0 >= %1")
                   .Elementwise(NumericTypes(), []<class T>(T a, T b) { return a >= b; })
                   .NoGradient("truth values have no derivative"));
}

}  // namespace flowgrad
