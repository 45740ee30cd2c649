// MomentumUpdate: a step of gradient descent with momentum.

#include <tuple>

#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

struct MomentumSpec {
  double momentum;
  bool nesterov;
};

absl::StatusOr<Prepared> PrepareMomentumUpdate(const ShapeContext& context) {
  return MakePrepared(MomentumSpec{context.attributes().Float("momentum"),
                                   context.attributes().Int("nesterov") != 0});
}

}  // namespace

void RegisterMomentumUpdate(OpRegistry& registry) {
  registry.Add(OpDef("MomentumUpdate", {"w", "g", "v", "rate"}, {"w_new", "v_new"})
                   .Doc("A step of gradient descent with momentum: v' = momentum v + g, and "
                        "w' = w - rate v', or with Nesterov's momentum w - rate (momentum v' + g).",
                        "%0 - %3 * (%momentum * %2 + %1)")
                   .RequiredAttribute("momentum", AttributeType::kFloat, "What is kept of v.")
                   .Attribute("nesterov", 0, "1: Nesterov's momentum.")
                   .Elementwise<MomentumSpec>(
                       FloatTypes(),
                       []<class T>(const MomentumSpec& spec, T w, T g, T v, T rate) {
                         const T momentum = static_cast<T>(spec.momentum);
                         const T velocity = momentum * v + g;
                         const T direction = spec.nesterov ? momentum * velocity + g : velocity;
                         return std::tuple<T, T>(w - rate * direction, velocity);
                       })
                   .Prepare(PrepareMomentumUpdate)
                   .NoGradient("updates are not differentiated"));
}

}  // namespace flowgrad
