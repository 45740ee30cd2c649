// And: C = A and B, element by element, broadcast.

#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {

void RegisterAnd(OpRegistry& registry) {
  registry.Add(OpDef("And", {"A", "B"}, {"C"})
                   .Doc("Whether both hold; broadcast.", "%0 && %1")
                   .Elementwise(Types<bool>(), []<class T>(T a, T b) { return a && b; })
                   .NoGradient("truth values have no derivative"));
}

}  // namespace flowgrad
