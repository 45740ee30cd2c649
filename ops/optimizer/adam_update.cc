// AdamUpdate: a step of Adam, the correction of its start being in the rate it is given.

#include <tuple>

#include "ops/math.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

struct AdamSpec {
  double beta1, beta2;
};

absl::StatusOr<Prepared> PrepareAdamUpdate(const ShapeContext& context) {
  return MakePrepared(
      AdamSpec{context.attributes().Float("beta1"), context.attributes().Float("beta2")});
}

}  // namespace

void RegisterAdamUpdate(OpRegistry& registry) {
  registry.Add(
      OpDef("AdamUpdate", {"w", "g", "m", "v", "rate", "epsilon"}, {"w_new", "m_new", "v_new"})
          .Doc("A step of Adam: m' = beta1 m + (1 - beta1) g, v' = beta2 v + (1 - beta2) g², "
               "w' = w - rate m' / (sqrt(v') + epsilon). Rate and epsilon come corrected for bias.",
               "%0 - %4 * m' / (sqrt(v') + %5)")
          .Attribute("beta1", 0.9, "What is kept of the mean of gradients.")
          .Attribute("beta2", 0.999, "What is kept of the mean of squared gradients.")
          .Elementwise<AdamSpec>(
              FloatTypes(),
              []<class T>(const AdamSpec& spec, T w, T g, T m, T v, T rate, T epsilon) {
                const T keep1 = static_cast<T>(spec.beta1);
                const T keep2 = static_cast<T>(spec.beta2);
                const T take1 = static_cast<T>(1 - spec.beta1);
                const T take2 = static_cast<T>(1 - spec.beta2);
                const T mean = keep1 * m + take1 * g;
                const T square = keep2 * v + take2 * (g * g);
                const T size = math::Sqrt(square) + epsilon;
                return std::tuple<T, T, T>(w - rate * mean / size, mean, square);
              })
          .Prepare(PrepareAdamUpdate)
          .NoGradient("updates are not differentiated"));
}

}  // namespace flowgrad
