// The products of a workload and nothing else, one after the other by single-threaded dnnl_sgemm:
// y = x w of every layer, then dx = dy wᵀ and dw = xᵀ dy of every layer backwards.
//
// Every matrix has its own memory, as it has in a step. Each product is made the faster of two
// ways: as it is, or as its transpose; what putting the result right would cost is not counted.

#include <omp.h>

#include <chrono>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "Eigen/Core"
#include "benchmarks/limits.h"
#include "dnnl.h"

namespace flowgrad {
namespace {

using Floats = std::vector<float, Eigen::aligned_allocator<float>>;

struct Matrix {
  const float* data;
  int64_t rows, columns;  // as it lies in memory
  bool transposed;
};

// c[m,n] = a[m,k] b[k,n]
class Product {
 public:
  Product(Matrix a, Matrix b, float* c) : a_(a), b_(b), c_(c) {
    double seconds[2];
    for (const bool swap : {false, true}) {
      constexpr int kTrials = 20;
      swap_ = swap;
      Run();
      const auto start = std::chrono::steady_clock::now();
      for (int i = 0; i < kTrials; ++i) Run();
      seconds[swap] =
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    swap_ = seconds[true] < seconds[false];
  }

  void Run() const {
    const int64_t m = a_.transposed ? a_.columns : a_.rows;
    const int64_t k = a_.transposed ? a_.rows : a_.columns;
    const int64_t n = b_.transposed ? b_.rows : b_.columns;
    const auto flag = [](bool transposed) { return transposed ? 'T' : 'N'; };
    if (swap_) {
      dnnl_sgemm(flag(!b_.transposed), flag(!a_.transposed), n, m, k, 1.0f, b_.data, b_.columns,
                 a_.data, a_.columns, 0.0f, c_, m);
    } else {
      dnnl_sgemm(flag(a_.transposed), flag(b_.transposed), m, n, k, 1.0f, a_.data, a_.columns,
                 b_.data, b_.columns, 0.0f, c_, n);
    }
  }

 private:
  Matrix a_, b_;
  float* c_;
  bool swap_ = false;
};

class Products {
 public:
  // y[m,n] = x[m,k] w[k,n], or w[n,k] read transposed, and its gradients.
  void AddLayer(int64_t m, int64_t k, int64_t n, bool transposed_w = false, bool needs_dx = true) {
    const float* const x = New(m * k);
    const float* const w = New(k * n);
    const float* const dy = New(m * n);
    const Matrix weights =
        transposed_w ? Matrix{w, n, k, /*transposed=*/true} : Matrix{w, k, n, /*transposed=*/false};
    forward_.emplace_back(Matrix{x, m, k, false}, weights, New(m * n));
    if (needs_dx) {
      Matrix other = weights;
      other.transposed = !other.transposed;
      backward_.emplace_back(Matrix{dy, m, n, false}, other, New(m * k));
    }
    if (transposed_w) {
      backward_.emplace_back(Matrix{dy, m, n, true}, Matrix{x, m, k, false}, New(k * n));
    } else {
      backward_.emplace_back(Matrix{x, m, k, true}, Matrix{dy, m, n, false}, New(k * n));
    }
  }

  void Run() const {
    for (const Product& product : forward_) product.Run();
    for (auto product = backward_.rbegin(); product != backward_.rend(); ++product) product->Run();
  }

 private:
  float* New(int64_t size) {
    std::uniform_real_distribution<float> uniform(-1, 1);
    Floats& values = memory_.emplace_back(size);
    for (float& value : values) value = uniform(random_);
    return values.data();
  }

  std::mt19937 random_{1};
  std::vector<Floats> memory_;
  std::vector<Product> forward_, backward_;
};

Step StepOf(const std::function<void(Products&)>& add) {
  omp_set_num_threads(1);
  auto products = std::make_shared<Products>();
  add(*products);
  return [products] { products->Run(); };
}

}  // namespace

Step WideBranchesProducts(int64_t batch) {
  return StepOf([=](Products& products) {
    constexpr int kChains = 16, kLayers = 8;
    for (int chain = 0; chain < kChains; ++chain) {
      for (int layer = 0; layer < kLayers; ++layer) {
        products.AddLayer(batch, 128, 128, /*transposed_w=*/false, /*needs_dx=*/layer > 0);
      }
    }
  });
}

Step TransformerProducts(int64_t batch) {
  return StepOf([=](Products& products) {
    constexpr int64_t kLayers = 2, kLength = 64, kWidth = 128, kHeads = 4, kHidden = 512;
    constexpr int64_t kClasses = 96;
    const int64_t rows = batch * kLength;
    for (int layer = 0; layer < kLayers; ++layer) {
      for (int projection = 0; projection < 3; ++projection) {
        products.AddLayer(rows, kWidth, kWidth, /*transposed_w=*/false, /*needs_dx=*/layer > 0);
      }
      for (int64_t head = 0; head < batch * kHeads; ++head) {
        products.AddLayer(kLength, kWidth / kHeads, kLength, /*transposed_w=*/true);
        products.AddLayer(kLength, kLength, kWidth / kHeads);
      }
      products.AddLayer(rows, kWidth, kWidth);
      products.AddLayer(rows, kWidth, kHidden);
      products.AddLayer(rows, kHidden, kWidth);
    }
    products.AddLayer(rows, kWidth, kClasses);
  });
}

}  // namespace flowgrad
