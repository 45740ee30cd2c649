// toy_scalar_chain by hand: (f - y)² of f = b3 + w3 cos(b2 + w2 exp(b1 + w1 sin(b0 + w0 x))), and
// its 8 derivatives, in scalars.

#include <memory>

#include "benchmarks/limits.h"
#include "ops/math.h"

namespace flowgrad {
namespace {

struct Chain {
  float x = 2.3f, y = 2, b[4] = {1, 2, -3, 0.4f}, w[4] = {0.1f, -0.4f, 2, 3};
  float loss, db[4], dw[4];
};

__attribute__((noipa)) void Run(Chain &chain) {
  const float x = chain.x, y = chain.y;
  const float *const b = chain.b, *const w = chain.w;
  const float f0 = b[0] + w[0] * x, h1 = math::Sin(f0);
  const float f1 = b[1] + w[1] * h1, h2 = math::Exp(f1);
  const float f2 = b[2] + w[2] * h2, h3 = math::Cos(f2);
  const float error = b[3] + w[3] * h3 - y;
  const float df3 = 2 * error;
  const float df2 = -df3 * w[3] * math::Sin(f2);
  const float df1 = df2 * w[2] * h2;
  const float df0 = df1 * w[1] * math::Cos(f0);
  chain.loss = error * error;
  chain.db[0] = df0, chain.db[1] = df1, chain.db[2] = df2, chain.db[3] = df3;
  chain.dw[0] = df0 * x, chain.dw[1] = df1 * h1, chain.dw[2] = df2 * h2, chain.dw[3] = df3 * h3;
}

}  // namespace

Step ToyChainStep() {
  auto chain = std::make_shared<Chain>();
  return [chain] { Run(*chain); };
}

}  // namespace flowgrad
