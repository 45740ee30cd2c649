// What single functions and the memory can do, on one thread.
//
//   kernel_benchmark --benchmark_filter='function/Tanh|op/Tanh|memory/'
//
//   function/OP         an elementwise function on 1,024 floats that stay in the first-level cache
//   op/OP               the kernel of the op on 2^20 floats
//   memory/PLACE/WHAT   bytes that are read and written by WHAT, from the second-level cache and
//                       from main memory; what a cache fetches to write into it is not counted
//   pack/KxN            the right factor of a product put into its packed form, as bytes read and
//                       written; KxN' is read by columns

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "ops/builtin_ops.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/tensor.h"

namespace flowgrad {
namespace {

constexpr int64_t kBlock = 1024, kMany = int64_t{1} << 20;

void CountFloats(benchmark::State& state, int64_t floats) {
  state.counters["floats"] = benchmark::Counter(static_cast<double>(floats),
                                                benchmark::Counter::kIsIterationInvariantRate);
}
void CountBytes(benchmark::State& state, int64_t bytes) {
  state.counters["bytes"] =
      benchmark::Counter(static_cast<double>(bytes), benchmark::Counter::kIsIterationInvariantRate);
}

float* Floats(const Tensor& tensor) { return reinterpret_cast<float*>(tensor.bytes()); }

Tensor Filled(int64_t size) {
  Tensor tensor(DType::kFloat, {size});
  float* const data = Floats(tensor);
  for (int64_t i = 0; i < size; ++i) data[i] = 0.5f + static_cast<float>(i % kBlock) / kBlock;
  return tensor;
}

// Floats in, one float out, and nothing to be known beforehand.
bool IsSimple(const OpDef& op) {
  const auto simple = [](const Port& port) { return !port.dtype && !port.any && !port.variadic; };
  return op.block(DType::kFloat).run != nullptr && op.prepare() == nullptr &&
         op.outputs().size() == 1 && simple(op.outputs()[0]) &&
         std::all_of(op.inputs().begin(), op.inputs().end(), simple);
}

void RunFunction(benchmark::State& state, const OpDef& op) {
  // Side by side: of blocks that lie anywhere, two may hit each other in the cache by chance.
  const Tensor blocks = Filled((op.inputs().size() + 1) * kBlock);
  std::vector<const void*> inputs;
  for (size_t i = 0; i < op.inputs().size(); ++i) inputs.push_back(Floats(blocks) + i * kBlock);
  void* const outputs[] = {Floats(blocks) + op.inputs().size() * kBlock};
  const BlockFunction function = op.block(DType::kFloat);
  for (auto _ : state) {
    function.run(inputs.data(), outputs, kBlock, nullptr);
    benchmark::ClobberMemory();
  }
  CountFloats(state, kBlock);
}

void RunKernel(benchmark::State& state, const OpDef& op) {
  std::vector<Tensor> tensors;
  std::vector<View> inputs;
  for (size_t i = 0; i < op.inputs().size(); ++i) {
    inputs.push_back(tensors.emplace_back(Filled(kMany)).view());
  }
  const Tensor y = Filled(kMany);
  const View output = y.view();
  const int64_t origin[] = {0};
  const StepValues values;
  KernelContext context;
  context.inputs = inputs;
  context.outputs = absl::MakeConstSpan(&output, 1);
  context.origin = origin;
  context.values = &values;
  for (auto _ : state) {
    if (!op.kernel(DType::kFloat)(context).ok()) state.SkipWithError("the kernel failed");
    benchmark::ClobberMemory();
  }
  CountFloats(state, kMany);
}

struct Place {
  const char* name;
  int64_t floats;  // of each of three arrays
};

struct Use {
  const char* name;
  int arrays;
  void (*run)(const float* a, const float* b, float* c, int64_t n);
};

[[gnu::noinline]] void Read(const float* a, const float*, float*, int64_t n) {
  // Lanes of their own: one sum would wait for its own additions.
  std::array<float, 128> sums = {};
  for (int64_t i = 0; i < n; i += 128) {
    for (int64_t j = 0; j < 128; ++j) sums[j] += a[i + j];
  }
  benchmark::DoNotOptimize(sums);
}
[[gnu::noinline]] void Write(const float*, const float*, float* c, int64_t n) {
  for (int64_t i = 0; i < n; ++i) c[i] = 1;
}
[[gnu::noinline]] void Copy(const float* a, const float*, float* c, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) c[i] = a[i];
}
[[gnu::noinline]] void Triad(const float* a, const float* b, float* c, int64_t n) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) c[i] = a[i] + 0.5f * b[i];
}

void RunMemory(benchmark::State& state, const Place& place, const Use& use) {
  const Tensor a = Filled(place.floats), b = Filled(place.floats);
  const Tensor c = Filled(place.floats);
  for (auto _ : state) {
    use.run(Floats(a), Floats(b), Floats(c), place.floats);
    benchmark::ClobberMemory();
  }
  CountBytes(state, use.arrays * place.floats * static_cast<int64_t>(sizeof(float)));
}

void AddAll() {
  const auto add = [](const std::string& name, auto run) {
    benchmark::RegisterBenchmark(name.c_str(), run);
  };
  for (const std::string& name : BuiltinOps().Names()) {
    const OpDef& op = *BuiltinOps().Find(name);
    if (!IsSimple(op)) continue;
    add("function/" + name, [&op](benchmark::State& state) { RunFunction(state, op); });
    add("op/" + name, [&op](benchmark::State& state) { RunKernel(state, op); });
  }
  for (const Place& place : {Place{"L2", 1 << 15}, Place{"main", 1 << 24}}) {
    for (const Use& use : {Use{"read", 1, Read}, Use{"write", 1, Write}, Use{"copy", 2, Copy},
                           Use{"triad", 3, Triad}}) {
      add(std::string("memory/") + place.name + "/" + use.name,
          [=](benchmark::State& state) { RunMemory(state, place, use); });
    }
  }
}

}  // namespace
}  // namespace flowgrad

int main(int argc, char** argv) {
  flowgrad::AddAll();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
