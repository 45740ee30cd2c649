// Not: Y = not X, element by element.

#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {

void RegisterNot(OpRegistry& registry) {
  registry.Add(OpDef("Not", {"X"}, {"Y"})
                   .Doc("Whether it does not hold.", "!%0")
                   .Elementwise(Types<bool>(), []<class T>(T x) { return !x; })
                   .NoGradient("truth values have no derivative"));
}

}  // namespace flowgrad
