// Less: C = A < B, element by element, broadcast. False beside NaN.

#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {

void RegisterLess(OpRegistry& registry) {
  registry.Add(OpDef("Less", {"A", "B"}, {"C"})
                   .Doc("Whether elements are less; broadcast.", "%0 < %1")
                   .Elementwise(NumericTypes(), []<class T>(T a, T b) { return a < b; })
                   .NoGradient("truth values have no derivative"));
}

}  // namespace flowgrad
