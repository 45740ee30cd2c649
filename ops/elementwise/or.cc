// Or: C = A or B, element by element, broadcast.

#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {

void RegisterOr(OpRegistry& registry) {
  registry.Add(OpDef("Or", {"A", "B"}, {"C"})
                   .Doc("Whether one or both hold; broadcast.", "%0 || %1")
                   .Elementwise(Types<bool>(), []<class T>(T a, T b) { return a || b; })
                   .NoGradient("truth values have no derivative"));
}

}  // namespace flowgrad
