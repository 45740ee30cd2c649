// deep_chain_1000_tiny by hand: 500 times z <- 0.99 tanh(z) on 8 floats, their sum, and its
// gradient by the input. One loop each way over values that lie in registers and the first-level
// cache.

#include <memory>

#include "benchmarks/limits.h"
#include "ops/math.h"

namespace flowgrad {
namespace {

constexpr int kLinks = 500, kFloats = 8;

struct Chain {
  float x[kFloats], tanhs[kLinks][kFloats], sum, dx[kFloats];
};

__attribute__((noipa)) void Run(Chain& chain) {
  float z[kFloats];
  for (int i = 0; i < kFloats; ++i) z[i] = chain.x[i];
  for (float* t : chain.tanhs) {
    for (int i = 0; i < kFloats; ++i) {
      t[i] = math::Tanh(z[i]);
      z[i] = 0.99f * t[i];
    }
  }
  chain.sum = 0;
  for (const float value : z) chain.sum += value;
  float dx[kFloats];
  for (int i = 0; i < kFloats; ++i) dx[i] = 1;
  for (int link = kLinks - 1; link >= 0; --link) {
    const float* t = chain.tanhs[link];
    for (int i = 0; i < kFloats; ++i) dx[i] = 0.99f * dx[i] * (1 - t[i]) * (1 + t[i]);
  }
  for (int i = 0; i < kFloats; ++i) chain.dx[i] = dx[i];
}

}  // namespace

Step DeepChainStep() {
  auto chain = std::make_shared<Chain>();
  for (int i = 0; i < kFloats; ++i) chain->x[i] = static_cast<float>(i + 1) / kFloats;
  return [chain] { Run(*chain); };
}

}  // namespace flowgrad
