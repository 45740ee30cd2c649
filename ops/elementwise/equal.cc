// Equal: C = A == B, element by element, broadcast. 0 equals -0; NaN equals nothing.

#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {

void RegisterEqual(OpRegistry& registry) {
  registry.Add(OpDef("Equal", {"A", "B"}, {"C"})
                   .Doc("Whether elements are equal; broadcast.", "%0 == %1")
                   .Elementwise(AllTypes(), []<class T>(T a, T b) { return a == b; })
                   .NoGradient("truth values have no derivative"));
}

}  // namespace flowgrad
