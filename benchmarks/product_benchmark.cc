// How fast the matrix product is, next to oneDNN's, on the shapes of the workloads.
//
//   product_benchmark --benchmark_filter='128x784x512'
//
// Shapes are m x k x n; a ' marks an operand that is read transposed. One thread. Every result is
// checked against oneDNN's before its time is taken.

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>

#include "benchmark/benchmark.h"
#include "dnnl.h"
#include "ops/product.h"

namespace flowgrad {
namespace {

struct Shape {
  int64_t m, k, n;
  bool transposed_a, transposed_b;
  // Where an operand is part of a wider matrix in memory: how far its rows are apart.
  int64_t lda = 0, ldb = 0, ldc = 0;

  std::string Name() const {
    const auto number = [](int64_t x) { return std::to_string(x); };
    return number(m) + "x" + number(k) + (transposed_a ? "'" : "") + "x" + number(n) +
           (transposed_b ? "'" : "") + (lda == 0 ? "" : "/lda:" + number(lda));
  }
  double Flops() const { return 2.0 * m * n * k; }
};

using Floats = std::unique_ptr<float[], decltype(&std::free)>;
Floats AlignedFloats(int64_t size) {
  return Floats(static_cast<float*>(std::aligned_alloc(64, (size * 4 / 64 + 1) * 64)), std::free);
}

// The operands of one shape. A and B are in memory as the workload has them.
struct Problem {
  explicit Problem(const Shape& shape)
      : shape(shape),
        lda(shape.lda != 0       ? shape.lda
            : shape.transposed_a ? shape.m
                                 : shape.k),
        ldb(shape.ldb != 0       ? shape.ldb
            : shape.transposed_b ? shape.k
                                 : shape.n),
        ldc(shape.ldc != 0 ? shape.ldc : shape.n),
        a(AlignedFloats(lda * (shape.transposed_a ? shape.k : shape.m))),
        b(AlignedFloats(ldb * (shape.transposed_b ? shape.n : shape.k))),
        c(AlignedFloats(shape.m * ldc)),
        packed_b(AlignedFloats(PackedSize<float>(shape.n, shape.k))),
        scratch(AlignedFloats(1 << 18)) {
    std::mt19937 random(1);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (int64_t i = 0; i < lda * (shape.transposed_a ? shape.k : shape.m); ++i) {
      a[i] = uniform(random);
    }
    for (int64_t i = 0; i < ldb * (shape.transposed_b ? shape.n : shape.k); ++i) {
      b[i] = uniform(random);
    }
    std::fill_n(c.get(), shape.m * ldc, 0.0f);
    PackColumns<float>(shape.n, shape.k, B(), packed_b.get());
  }

  MatrixRef<const float> A() const {
    return shape.transposed_a ? MatrixRef<const float>{a.get(), 1, lda}
                              : MatrixRef<const float>{a.get(), lda, 1};
  }
  MatrixRef<const float> B() const {
    return shape.transposed_b ? MatrixRef<const float>{b.get(), 1, ldb}
                              : MatrixRef<const float>{b.get(), ldb, 1};
  }
  MatrixRef<float> C() { return {c.get(), ldc, 1}; }
  std::byte* Scratch() { return reinterpret_cast<std::byte*>(scratch.get()); }

  Shape shape;
  int64_t lda, ldb, ldc;
  Floats a, b, c, packed_b, scratch;
};

void WithOneDnn(Problem& problem) {
  const Shape& s = problem.shape;
  dnnl_sgemm(s.transposed_a ? 'T' : 'N', s.transposed_b ? 'T' : 'N', s.m, s.n, s.k, 1.0f,
             problem.a.get(), problem.lda, problem.b.get(), problem.ldb, 0.0f, problem.c.get(),
             problem.ldc);
}

void WithProduct(Problem& problem) {
  const Shape& s = problem.shape;
  Product<float>(s.m, s.n, s.k, problem.A(), problem.B(), problem.C(), problem.Scratch());
}

void WithPackedProduct(Problem& problem) {
  const Shape& s = problem.shape;
  PackedProduct<float>(s.m, s.n, s.k, problem.A(), problem.packed_b.get(), problem.C(),
                       problem.Scratch());
}

using Multiply = void (*)(Problem&);

void CheckAgainstOneDnn(Problem& problem, Multiply multiply) {
  const int64_t size = problem.shape.m * problem.ldc;
  WithOneDnn(problem);
  const Floats expected = AlignedFloats(size);
  std::copy_n(problem.c.get(), size, expected.get());
  multiply(problem);
  for (int64_t i = 0; i < size; ++i) {
    if (!(std::abs(problem.c[i] - expected[i]) <= 1e-4 * std::max(1.0f, std::abs(expected[i])))) {
      std::fprintf(stderr, "%s: element %lld is %g, oneDNN has %g\n", problem.shape.Name().c_str(),
                   static_cast<long long>(i), problem.c[i], expected[i]);
      std::exit(1);
    }
  }
}

void Add(const char* name, const Shape& shape, Multiply multiply) {
  benchmark::RegisterBenchmark((shape.Name() + "/" + name).c_str(), [=](benchmark::State& state) {
    Problem problem(shape);
    CheckAgainstOneDnn(problem, multiply);
    for (auto _ : state) {
      multiply(problem);
      benchmark::ClobberMemory();
    }
    state.counters["FLOP/s"] =
        benchmark::Counter(shape.Flops(), benchmark::Counter::kIsIterationInvariantRate);
  });
}

void AddPackColumns(const Shape& shape) {
  const std::string name = "pack/" + shape.Name();
  benchmark::RegisterBenchmark((name + "/pack").c_str(), [=](benchmark::State& state) {
    Problem problem(shape);
    for (auto _ : state) {
      PackColumns<float>(shape.n, shape.k, problem.B(), problem.packed_b.get());
      benchmark::ClobberMemory();
    }
  });
  benchmark::RegisterBenchmark((name + "/memcpy").c_str(), [=](benchmark::State& state) {
    Problem problem(shape);
    for (auto _ : state) {
      std::memcpy(problem.packed_b.get(), problem.b.get(), shape.n * shape.k * sizeof(float));
      benchmark::ClobberMemory();
    }
  });
}

void AddAll() {
  // The right factor is a weight or a gradient that is packed once for many calls.
  for (const Shape& shape : {
           // The forward pass of the 784-512-512-10 net, whole batches and panels of rows.
           Shape{128, 784, 512, false, false},
           Shape{32, 784, 512, false, false},
           Shape{16, 784, 512, false, false},
           Shape{8, 784, 512, false, false},
           Shape{128, 512, 512, false, false},
           Shape{32, 512, 512, false, false},
           Shape{16, 512, 512, false, false},
           Shape{8, 512, 512, false, false},
           Shape{128, 512, 10, false, false},
           Shape{32, 512, 10, false, false},
           Shape{16, 512, 10, false, false},
           Shape{8, 512, 10, false, false},
           // Gradients of its hidden layers.
           Shape{128, 512, 512, false, true},
           Shape{32, 512, 512, false, true},
           Shape{16, 512, 512, false, true},
           Shape{8, 512, 512, false, true},
           Shape{128, 10, 512, false, true},
           Shape{32, 10, 512, false, true},
           Shape{16, 10, 512, false, true},
           Shape{8, 10, 512, false, true},
           // Gradients of its weights, whole and tile by tile, for batches of 32, 128 and 512.
           Shape{784, 128, 512, true, false},
           Shape{512, 128, 512, true, false},
           Shape{512, 128, 10, true, false},
           Shape{32, 128, 512, true, false, 784},
           Shape{32, 128, 512, true, false, 512},
           Shape{32, 32, 512, true, false, 784},
           Shape{32, 32, 512, true, false, 512},
           Shape{32, 512, 512, true, false, 784},
           Shape{32, 512, 512, true, false, 512},
           Shape{512, 32, 10, true, false},
           Shape{512, 512, 10, true, false},
           // 16 branches of width 128, batch 16.
           Shape{16, 128, 128, false, false},
           Shape{16, 128, 128, false, true},
           Shape{128, 16, 128, true, false},
           // A transformer of width 128, 16 sequences of 64.
           Shape{1024, 128, 128, false, false},
           Shape{64, 128, 128, false, false},
           Shape{32, 128, 128, false, false},
           Shape{1024, 128, 384, false, false},
           Shape{64, 128, 384, false, false},
           Shape{32, 128, 384, false, false},
           Shape{1024, 128, 512, false, false},
           Shape{64, 128, 512, false, false},
           Shape{32, 128, 512, false, false},
           Shape{1024, 512, 128, false, false},
           Shape{64, 512, 128, false, false},
           Shape{32, 512, 128, false, false},
           Shape{128, 1024, 512, true, false},
           Shape{512, 1024, 128, true, false},
           // One step of recurrent nets.
           Shape{16, 256, 1024, false, false},
           Shape{64, 256, 1024, false, false},
       }) {
    Add("onednn", shape, WithOneDnn);
    Add("product", shape, WithProduct);
    Add("packed", shape, WithPackedProduct);
  }
  // Nothing is packed beforehand.
  for (const Shape& shape : {
           // Attention: four heads of 32 in rows of 128 or 384.
           Shape{64, 32, 64, false, true, 128, 128},
           Shape{64, 32, 64, false, true, 384, 384},
           Shape{64, 64, 32, false, false, 64, 128, 128},
           Shape{64, 64, 32, false, false, 64, 384, 128},
           Shape{64, 64, 32, true, false, 64, 128, 128},
           Shape{1, 784, 512, false, false},
           Shape{1, 512, 512, false, false},
           // 9-30-2, one sample at a time.
           Shape{1, 9, 30, false, false},
           Shape{1, 30, 2, false, false},
           Shape{1, 2, 30, false, true},
           Shape{9, 1, 30, true, false},
           Shape{30, 1, 2, true, false},
       }) {
    Add("onednn", shape, WithOneDnn);
    Add("product", shape, WithProduct);
  }
  AddPackColumns({0, 784, 512, false, false});
  AddPackColumns({0, 512, 512, false, false});
  AddPackColumns({0, 512, 512, false, true});
  AddPackColumns({0, 128, 512, false, false});
}

}  // namespace
}  // namespace flowgrad

int main(int argc, char** argv) {
  omp_set_num_threads(1);
  flowgrad::AddAll();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
