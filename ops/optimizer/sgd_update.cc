// SgdUpdate: a step of gradient descent.

#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {

void RegisterSgdUpdate(OpRegistry& registry) {
  registry.Add(
      OpDef("SgdUpdate", {"w", "g", "rate"}, {"w_new"})
          .Doc("A step of gradient descent.", "%0 - %2 * %1")
          .Elementwise(FloatTypes(), []<class T>(T w, T g, T rate) { return w - rate * g; })
          .NoGradient("updates are not differentiated"));
}

}  // namespace flowgrad
