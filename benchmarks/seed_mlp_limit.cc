// seed_mlp_batch1 by hand in Eigen: 9 -> 30 ReLU -> 2, softmax cross-entropy, batch 1, SGD at 0.01.
// Sizes are known to the compiler, so every loop is unrolled and everything lies on the stack.

#include <cmath>
#include <memory>
#include <random>

#include "Eigen/Core"
#include "benchmarks/limits.h"

namespace flowgrad {
namespace {

constexpr int kInputs = 9, kHidden = 30, kClasses = 2;
constexpr float kLearningRate = 0.01f;

struct Model {
  Eigen::Matrix<float, kHidden, kInputs> w1;
  Eigen::Vector<float, kHidden> b1;
  Eigen::Matrix<float, kClasses, kHidden> w2;
  Eigen::Vector<float, kClasses> b2;
};

// Returns the loss before the update. Callers that do not want it get no cheaper step.
__attribute__((noipa)) float Run(const Eigen::Vector<float, kInputs>& x, int label, Model& m) {
  const Eigen::Vector<float, kHidden> h = (m.w1 * x + m.b1).cwiseMax(0.0f);
  const Eigen::Vector<float, kClasses> logits = m.w2 * h + m.b2;
  const float most = logits.maxCoeff();
  Eigen::Vector<float, kClasses> dlogits = (logits.array() - most).exp();
  const float sum = dlogits.sum();
  const float loss = std::log(sum) + most - logits[label];
  dlogits /= sum;
  dlogits[label] -= 1;
  const Eigen::Vector<float, kHidden> dh = (h.array() > 0).select(m.w2.transpose() * dlogits, 0.0f);

  const Eigen::Vector<float, kClasses> logit_step = kLearningRate * dlogits;
  const Eigen::Vector<float, kHidden> hidden_step = kLearningRate * dh;
  m.w2.noalias() -= logit_step * h.transpose();
  m.b2 -= logit_step;
  m.w1.noalias() -= hidden_step * x.transpose();
  m.b1 -= hidden_step;
  return loss;
}

}  // namespace

Step SeedMlpStep() {
  struct State {
    Model model;
    Eigen::Vector<float, kInputs> x;
    int label;
    float loss;
  };
  auto state = std::make_shared<State>();
  std::mt19937 random(1);
  const auto fill = [&](auto& matrix, float low, float high) {
    std::uniform_real_distribution<float> uniform(low, high);
    for (float& value : matrix.reshaped()) value = uniform(random);
  };
  const float he = std::sqrt(6.0f / kInputs), glorot = std::sqrt(6.0f / (kHidden + kClasses));
  fill(state->model.w1, -he, he);
  fill(state->model.w2, -glorot, glorot);
  state->model.b1.setZero();
  state->model.b2.setZero();
  fill(state->x, 0, 1);
  state->label = random() % kClasses;
  return [state] { state->loss = Run(state->x, state->label, state->model); };
}

}  // namespace flowgrad
