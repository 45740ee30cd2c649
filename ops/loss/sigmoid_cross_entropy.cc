// SigmoidCrossEntropy: -t log σ(z) - (1 - t) log(1 - σ(z)), element by element.

#include "ops/functions.h"
#include "ops/math.h"
#include "ops/op.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

// dz = dloss * (σ(z) - t), dt = -dloss * z.
absl::Status SigmoidCrossEntropyGradient(GradientContext& context) {
  const Value z = context.input(0), t = context.input(1), dloss = context.output_gradient();
  SetBroadcastGradient(context, 0, [&] { return dloss * (Sigmoid(z) - t); });
  SetBroadcastGradient(context, 1, [&] { return -(dloss * z); });
  return absl::OkStatus();
}

}  // namespace

void RegisterSigmoidCrossEntropy(OpRegistry& registry) {
  // max(z, 0) - z t + log(1 + exp(-|z|)): nothing overflows, and for t of 0 or 1 the first two
  // terms cancel exactly where the third is small.
  registry.Add(OpDef("SigmoidCrossEntropy", {"logits", "targets"}, {"losses"})
                   .Doc("Cross-entropy of a sigmoid and a target from 0 to 1, element by element.",
                        "softplus(%0) - %0 * %1")
                   .Elementwise(FloatTypes(),
                                []<class T>(T z, T t) {
                                  const T size = z < 0 ? -z : z;
                                  return (z > 0 ? z : T(0)) - z * t + math::Log1p(math::Exp(-size));
                                })
                   .Gradient(SigmoidCrossEntropyGradient));
}

}  // namespace flowgrad
