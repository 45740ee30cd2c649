// mlp_784_512_512_10 and mlp_adam by hand around single-threaded dnnl_sgemm calls: 784 -> 512 ReLU
// -> 512 ReLU -> 10, softmax cross-entropy (mean), and SGD at 0.01 or Adam at 0.001.
//
// Matrices lie row by row, weights as [inputs, outputs]. For each product the convention is taken
// that was fastest on Zen 4; where that leaves a small result transposed, the loop that reads it
// next puts it right. An update is one loop over a weight, its gradient and its moments.

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <vector>

#include "Eigen/Core"
#include "benchmarks/limits.h"
#include "dnnl.h"

namespace flowgrad {
namespace {

constexpr int64_t kInputs = 784, kHidden = 512, kClasses = 10;
constexpr float kSgdRate = 0.01f, kAdamRate = 0.001f;
// Below this many rows dnnl_sgemm is slow at reading the right-hand side transposed.
constexpr int64_t kFewRows = 64;

using Floats = std::vector<float, Eigen::aligned_allocator<float>>;

// C[m,n] = A B. A transposed operand lies in memory as its transpose, so `ta` says that A is [k,m].
void Sgemm(char ta, char tb, int64_t m, int64_t n, int64_t k, const Floats& a, const Floats& b,
           Floats& c) {
  dnnl_sgemm(ta, tb, m, n, k, 1.0f, a.data(), ta == 'T' ? m : k, b.data(), tb == 'T' ? k : n, 0.0f,
             c.data(), n);
}

struct Model {
  Floats w1, b1, w2, b2, w3, b3;
};

class Mlp {
 public:
  Mlp(int64_t batch, Optimizer optimizer, uint32_t seed);

  void Run() {
    loss_ = Forward();
    Backward();
    Update();
  }

  // Ends the program if the gradients are not those of a plain step in double.
  void CheckGradients();

 private:
  float Forward();
  void Backward();
  void Update();

  int64_t batch_;
  Optimizer optimizer_;
  int64_t step_ = 0;
  float loss_ = 0;
  Floats x_;
  std::vector<int> labels_;
  Model model_, gradient_;  // dw3 is [classes, hidden]
  Model mean_, square_;     // Adam's, of gradients and of their squares; of w3 as dw3 lies
  Floats h1_, h2_, logits_, dh1_, dh2_, dlogits_, transposed_, transposed_w3_;
};

Mlp::Mlp(int64_t batch, Optimizer optimizer, uint32_t seed)
    : batch_(batch),
      optimizer_(optimizer),
      x_(batch * kInputs),
      labels_(batch),
      h1_(batch * kHidden),
      h2_(batch * kHidden),
      logits_(batch * kClasses),
      dh1_(batch * kHidden),
      dh2_(batch * kHidden),
      dlogits_(batch * kClasses),
      transposed_(batch * kHidden),
      transposed_w3_(kHidden * kClasses) {
  std::mt19937 random(seed);
  const auto fill = [&](Floats& values, int64_t size, float low, float high) {
    std::uniform_real_distribution<float> uniform(low, high);
    values.resize(size);
    for (float& value : values) value = uniform(random);
  };
  const auto he = [](float inputs) { return std::sqrt(6.0f / inputs); };
  fill(model_.w1, kInputs * kHidden, -he(kInputs), he(kInputs));
  fill(model_.w2, kHidden * kHidden, -he(kHidden), he(kHidden));
  const float glorot = std::sqrt(6.0f / (kHidden + kClasses));
  fill(model_.w3, kHidden * kClasses, -glorot, glorot);
  model_.b1.resize(kHidden);
  model_.b2.resize(kHidden);
  model_.b3.resize(kClasses);
  gradient_ = model_;
  for (Model* zeros : {&mean_, &square_}) {
    *zeros = model_;
    for (Floats* f : {&zeros->w1, &zeros->b1, &zeros->w2, &zeros->b2, &zeros->w3, &zeros->b3}) {
      std::fill(f->begin(), f->end(), 0.0f);
    }
  }
  fill(x_, batch * kInputs, 0, 1);
  for (int& label : labels_) label = random() % kClasses;
}

// h = max(h + bias, 0)
void AddBiasRelu(int64_t rows, const Floats& bias, Floats& h) {
  const float* const b = bias.data();
  for (int64_t i = 0; i < rows; ++i) {
    float* const row = &h[i * kHidden];
    for (int64_t j = 0; j < kHidden; ++j) {
      const float value = row[j] + b[j];
      row[j] = value > 0 ? value : 0;
    }
  }
}

// dh = h > 0 ? dh : 0, and the bias gradient is its sum over rows.
void ReluGradient(int64_t rows, const Floats& h, Floats& dh, Floats& dbias) {
  std::fill(dbias.begin(), dbias.end(), 0.0f);
  float* const sum = dbias.data();
  for (int64_t i = 0; i < rows; ++i) {
    const float* const kept = &h[i * kHidden];
    float* const row = &dh[i * kHidden];
    for (int64_t j = 0; j < kHidden; ++j) {
      const float value = kept[j] > 0 ? row[j] : 0;
      row[j] = value;
      sum[j] += value;
    }
  }
}

// to[j,i] = from[i,j], 8 x 8 at a time.
void Transpose(int64_t rows, int64_t columns, const Floats& from, Floats& to) {
  for (int64_t i = 0; i < rows; i += 8) {
    for (int64_t j = 0; j < columns; j += 8) {
      for (int64_t jj = j; jj < std::min(j + 8, columns); ++jj) {
        for (int64_t ii = i; ii < std::min(i + 8, rows); ++ii) {
          to[jj * rows + ii] = from[ii * columns + jj];
        }
      }
    }
  }
}

float Mlp::Forward() {
  Sgemm('N', 'N', batch_, kHidden, kInputs, x_, model_.w1, h1_);
  AddBiasRelu(batch_, model_.b1, h1_);
  Sgemm('N', 'N', batch_, kHidden, kHidden, h1_, model_.w2, h2_);
  AddBiasRelu(batch_, model_.b2, h2_);
  Sgemm('N', 'N', batch_, kClasses, kHidden, h2_, model_.w3, logits_);

  float loss = 0;
  for (int64_t i = 0; i < batch_; ++i) {
    float* const logits = &logits_[i * kClasses];
    float* const gradient = &dlogits_[i * kClasses];
    for (int64_t j = 0; j < kClasses; ++j) logits[j] += model_.b3[j];
    const float most = *std::max_element(logits, logits + kClasses);
    float sum = 0;
    for (int64_t j = 0; j < kClasses; ++j) {
      gradient[j] = std::exp(logits[j] - most);
      sum += gradient[j];
    }
    loss += std::log(sum) + most - logits[labels_[i]];
    const float scale = 1 / (sum * batch_);
    for (int64_t j = 0; j < kClasses; ++j) gradient[j] *= scale;
    gradient[labels_[i]] -= 1.0f / batch_;
  }
  return loss / batch_;
}

void Mlp::Backward() {
  Sgemm('T', 'N', kClasses, kHidden, batch_, dlogits_, h2_, gradient_.w3);
  std::fill(gradient_.b3.begin(), gradient_.b3.end(), 0.0f);
  for (int64_t i = 0; i < batch_ * kClasses; ++i) gradient_.b3[i % kClasses] += dlogits_[i];

  Sgemm('N', 'T', batch_, kHidden, kClasses, dlogits_, model_.w3, dh2_);
  ReluGradient(batch_, h2_, dh2_, gradient_.b2);
  Sgemm('T', 'N', kHidden, kHidden, batch_, h1_, dh2_, gradient_.w2);

  if (batch_ < kFewRows) {
    Sgemm('N', 'T', kHidden, batch_, kHidden, model_.w2, dh2_, transposed_);
    Transpose(kHidden, batch_, transposed_, dh1_);
  } else {
    Sgemm('N', 'T', batch_, kHidden, kHidden, dh2_, model_.w2, dh1_);
  }
  ReluGradient(batch_, h1_, dh1_, gradient_.b1);
  Sgemm('T', 'N', kInputs, kHidden, batch_, x_, dh1_, gradient_.w1);
}

void Mlp::Update() {
  ++step_;
  const auto step = static_cast<float>(step_);
  const float rate = kAdamRate / (1 - std::pow(0.9f, step));
  const float scale = 1 / std::sqrt(1 - std::pow(0.999f, step));
  const auto update = [&](Floats Model::*weights, float* changed) {
    const Floats& gradient = gradient_.*weights;
    const float* const dw = gradient.data();
    float* const w = changed;
    const auto size = static_cast<int64_t>(gradient.size());
    if (optimizer_ == Optimizer::kSgd) {
      for (int64_t i = 0; i < size; ++i) w[i] -= kSgdRate * dw[i];
      return;
    }
    float* const mean = (mean_.*weights).data();
    float* const square = (square_.*weights).data();
#pragma GCC ivdep
    for (int64_t i = 0; i < size; ++i) {
      mean[i] += 0.1f * (dw[i] - mean[i]);
      square[i] += 0.001f * (dw[i] * dw[i] - square[i]);
      w[i] -= rate * mean[i] / (std::sqrt(square[i]) * scale + 1e-8f);
    }
  };
  for (Floats Model::*const weights :
       {&Model::w1, &Model::b1, &Model::w2, &Model::b2, &Model::b3}) {
    update(weights, (model_.*weights).data());
  }
  // As dw3 lies, and back.
  Transpose(kHidden, kClasses, model_.w3, transposed_w3_);
  update(&Model::w3, transposed_w3_.data());
  Transpose(kClasses, kHidden, transposed_w3_, model_.w3);
}

using Doubles = std::vector<double>;

// y[rows, outputs] = x w + b
Doubles Linear(int64_t rows, const Doubles& x, const Floats& w, const Floats& b) {
  const int64_t outputs = b.size(), inputs = w.size() / outputs;
  Doubles y(rows * outputs);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < outputs; ++j) {
      double sum = b[j];
      for (int64_t p = 0; p < inputs; ++p) sum += x[i * inputs + p] * w[p * outputs + j];
      y[i * outputs + j] = sum;
    }
  }
  return y;
}

struct LinearGradient {
  Doubles dx, dw, db;
};
LinearGradient GradientOfLinear(int64_t rows, const Doubles& x, const Floats& w,
                                const Doubles& dy) {
  const int64_t outputs = dy.size() / rows, inputs = x.size() / rows;
  LinearGradient d = {Doubles(x.size()), Doubles(w.size()), Doubles(outputs)};
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < outputs; ++j) {
      const double gradient = dy[i * outputs + j];
      d.db[j] += gradient;
      for (int64_t p = 0; p < inputs; ++p) {
        d.dw[p * outputs + j] += x[i * inputs + p] * gradient;
        d.dx[i * inputs + p] += w[p * outputs + j] * gradient;
      }
    }
  }
  return d;
}

void ExpectNear(const char* name, const Floats& got, const Doubles& expected) {
  double error = 0, scale = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    error = std::max(error, std::abs(got[i] - expected[i]));
    scale = std::max(scale, std::abs(expected[i]));
  }
  if (scale > 0 && error <= 1e-5 * scale) return;
  std::fprintf(stderr, "gradient of %s is off by %g, the largest element is %g\n", name, error,
               scale);
  std::exit(1);
}

void Mlp::CheckGradients() {
  Forward();
  Backward();
  const auto relu = [](Doubles values) {
    for (double& value : values) value = std::max(value, 0.0);
    return values;
  };
  const auto where_positive = [](Doubles gradient, const Doubles& y) {
    for (size_t i = 0; i < y.size(); ++i) gradient[i] = y[i] > 0 ? gradient[i] : 0;
    return gradient;
  };
  const Doubles x(x_.begin(), x_.end());
  const Doubles h1 = relu(Linear(batch_, x, model_.w1, model_.b1));
  const Doubles h2 = relu(Linear(batch_, h1, model_.w2, model_.b2));
  Doubles dlogits = Linear(batch_, h2, model_.w3, model_.b3);
  for (int64_t i = 0; i < batch_; ++i) {
    double sum = 0;
    for (int64_t j = 0; j < kClasses; ++j) sum += std::exp(dlogits[i * kClasses + j]);
    for (int64_t j = 0; j < kClasses; ++j) {
      double& value = dlogits[i * kClasses + j];
      value = (std::exp(value) / sum - (j == labels_[i])) / batch_;
    }
  }
  const LinearGradient d3 = GradientOfLinear(batch_, h2, model_.w3, dlogits);
  const LinearGradient d2 = GradientOfLinear(batch_, h1, model_.w2, where_positive(d3.dx, h2));
  const LinearGradient d1 = GradientOfLinear(batch_, x, model_.w1, where_positive(d2.dx, h1));
  Floats dw3(kHidden * kClasses);
  Transpose(kClasses, kHidden, gradient_.w3, dw3);
  ExpectNear("w1", gradient_.w1, d1.dw);
  ExpectNear("b1", gradient_.b1, d1.db);
  ExpectNear("w2", gradient_.w2, d2.dw);
  ExpectNear("b2", gradient_.b2, d2.db);
  ExpectNear("w3", dw3, d3.dw);
  ExpectNear("b3", gradient_.b3, d3.db);
}

}  // namespace

Step MlpStep(int64_t batch, Optimizer optimizer) {
  omp_set_num_threads(1);
  // Both ways of multiplying.
  Mlp(5, optimizer, 7).CheckGradients();
  Mlp(kFewRows + 1, optimizer, 7).CheckGradients();
  auto mlp = std::make_shared<Mlp>(batch, optimizer, 1);
  return [mlp] { mlp->Run(); };
}

}  // namespace flowgrad
