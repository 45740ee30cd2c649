// The step of deep_chain_1000_tiny written by hand, as the limit to be measured against: 500 times
// z <- 0.99 tanh(z) on 8 floats, their sum, and its gradient by the input.
//
//   deep_chain_by_hand --seconds 2 --format json
//
// One loop each way over values that lie in registers and the first-level cache.

#include <cstdint>
#include <vector>

#include "benchmarks/timed_steps.h"
#include "ops/math.h"

namespace flowgrad {
namespace {

constexpr int kLinks = 500, kFloats = 8;

__attribute__((noipa)) float Step(const float* x, float* dx) {
  static float tanhs[kLinks][kFloats];
  float z[kFloats];
  for (int i = 0; i < kFloats; ++i) z[i] = x[i];
  for (float* t : tanhs) {
    for (int i = 0; i < kFloats; ++i) {
      t[i] = math::Tanh(z[i]);
      z[i] = 0.99f * t[i];
    }
  }
  float sum = 0;
  for (const float value : z) sum += value;
  for (int i = 0; i < kFloats; ++i) dx[i] = 1;
  for (int link = kLinks - 1; link >= 0; --link) {
    const float* t = tanhs[link];
    for (int i = 0; i < kFloats; ++i) dx[i] = 0.99f * dx[i] * (1 - t[i]) * (1 + t[i]);
  }
  return sum;
}

}  // namespace
}  // namespace flowgrad

int main(int argc, char** argv) {
  using namespace flowgrad;  // NOLINT: the whole file is in it
  StepOptions options;
  int exit_code = 0;
  if (!ReadStepOptions(argc, argv, "The deep_chain_1000_tiny step, by hand.",
                       /*choose_batch=*/false, options, exit_code)) {
    return exit_code;
  }
  float x[kFloats], dx[kFloats];
  for (int i = 0; i < kFloats; ++i) x[i] = static_cast<float>(i + 1) / kFloats;
  const std::vector<double> sums = {Step(x, dx)};
  const double rate = StepsPerSecond(options.seconds, [&] { Step(x, dx); });
  PrintSteps("deep_chain_by_hand", options, rate, sums);
  return 0;
}
