// AdagradUpdate: a step of Adagrad.

#include <tuple>

#include "ops/math.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

struct AdagradSpec {
  double epsilon;
};

absl::StatusOr<Prepared> PrepareAdagradUpdate(const ShapeContext& context) {
  return MakePrepared(AdagradSpec{context.attributes().Float("epsilon")});
}

}  // namespace

void RegisterAdagradUpdate(OpRegistry& registry) {
  registry.Add(
      OpDef("AdagradUpdate", {"w", "g", "s", "rate"}, {"w_new", "s_new"})
          .Doc("A step of Adagrad: s' = s + g², w' = w - rate g / (sqrt(s') + epsilon).",
               "%0 - %3 * %1 / (sqrt(s') + %epsilon)")
          .Attribute("epsilon", 1e-10, "Added to the root, so that it is not 0.")
          .Elementwise<AdagradSpec>(FloatTypes(),
                                    []<class T>(const AdagradSpec& spec, T w, T g, T s, T rate) {
                                      const T sum = s + g * g;
                                      const T size = math::Sqrt(sum) + static_cast<T>(spec.epsilon);
                                      return std::tuple<T, T>(w - rate * (g / size), sum);
                                    })
          .Prepare(PrepareAdagradUpdate)
          .NoGradient("updates are not differentiated"));
}

}  // namespace flowgrad
