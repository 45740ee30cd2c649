// elementwise20_1M by hand: every function of the graph as often as the graph has it, on blocks
// that stay in the first-level cache. What is left out is memory, and knowing what to do.

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "benchmarks/limits.h"
#include "ops/builtin_ops.h"
#include "ops/op_registry.h"

namespace flowgrad {
namespace {

constexpr int kLinks = 5;
constexpr int64_t kFloats = int64_t{1} << 20, kBlock = 1024;

// Of z = tanh(1.1 z + 0.1) sigmoid(z), and of its gradient:
// 1.1 dz s (1 - t) (1 + t) + dz t s (1 - s).
constexpr struct {
  const char* op;
  int forward, backward;
} kCounts[] = {{"Add", 1, 2}, {"Mul", 2, 7}, {"Sigmoid", 1, 0}, {"Sub", 0, 2}, {"Tanh", 1, 0}};

struct Buffers {
  alignas(64) std::array<float, kBlock> a, b, y;
  std::vector<BlockFunction> functions;
};

}  // namespace

Step ElementwiseStep() {
  auto buffers = std::make_shared<Buffers>();
  std::fill(buffers->a.begin(), buffers->a.end(), 0.7f);
  std::fill(buffers->b.begin(), buffers->b.end(), 0.3f);
  for (const auto& count : kCounts) {
    const BlockFunction function = BuiltinOps().Find(count.op)->block(DType::kFloat);
    buffers->functions.insert(buffers->functions.end(), count.forward + count.backward, function);
  }
  return [buffers] {
    const void* const inputs[] = {buffers->a.data(), buffers->b.data()};
    void* const outputs[] = {buffers->y.data()};
    for (int64_t block = 0; block < kLinks * kFloats / kBlock; ++block) {
      for (const BlockFunction& function : buffers->functions) {
        function.run(inputs, outputs, kBlock, nullptr);
      }
    }
  };
}

}  // namespace flowgrad
