// RmsPropUpdate: what a step of RMSProp does to the mean of squares and to the gradient.

#include <tuple>

#include "ops/math.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

struct RmsPropSpec {
  double alpha, epsilon;
};

absl::StatusOr<Prepared> PrepareRmsPropUpdate(const ShapeContext& context) {
  return MakePrepared(
      RmsPropSpec{context.attributes().Float("alpha"), context.attributes().Float("epsilon")});
}

}  // namespace

void RegisterRmsPropUpdate(OpRegistry& registry) {
  registry.Add(
      OpDef("RmsPropUpdate", {"g", "v"}, {"direction", "v_new"})
          .Doc("A step of RMSProp up to the parameter: v' = alpha v + (1 - alpha) g², and the "
               "direction g / (sqrt(v') + epsilon), which SgdUpdate or MomentumUpdate takes for "
               "the gradient.",
               "%0 / (sqrt(v') + %epsilon)")
          .Attribute("alpha", 0.99, "What is kept of the mean of squared gradients.")
          .Attribute("epsilon", 1e-8, "Added to the root, so that it is not 0.")
          .Elementwise<RmsPropSpec>(FloatTypes(),
                                    []<class T>(const RmsPropSpec& spec, T g, T v) {
                                      const T keep = static_cast<T>(spec.alpha);
                                      const T take = static_cast<T>(1 - spec.alpha);
                                      const T square = keep * v + take * (g * g);
                                      const T size =
                                          math::Sqrt(square) + static_cast<T>(spec.epsilon);
                                      return std::tuple<T, T>(g / size, square);
                                    })
          .Prepare(PrepareRmsPropUpdate)
          .NoGradient("updates are not differentiated"));
}

}  // namespace flowgrad
