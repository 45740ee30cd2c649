// The training step of seed_mlp_batch1 written by hand in Eigen, as the limit to be measured
// against: 9 -> 30 ReLU -> 2, softmax cross-entropy, batch 1, SGD at 0.01.
//
//   seed_mlp_by_hand --seconds 2 --format json
//
// Sizes are known to the compiler, so every loop is unrolled and everything lies on the stack.

#include <cmath>
#include <random>
#include <vector>

#include "Eigen/Core"
#include "benchmarks/timed_steps.h"

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
__attribute__((noipa)) float Step(const Eigen::Vector<float, kInputs>& x, int label, Model& m) {
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
}  // namespace flowgrad

int main(int argc, char** argv) {
  using namespace flowgrad;  // NOLINT: the whole file is in it
  StepOptions options;
  int exit_code = 0;
  if (!ReadStepOptions(argc, argv, "The seed_mlp_batch1 step, by hand in Eigen.",
                       /*choose_batch=*/false, options, exit_code)) {
    return exit_code;
  }
  std::mt19937 random(1);
  const auto fill = [&](auto& matrix, float low, float high) {
    std::uniform_real_distribution<float> uniform(low, high);
    for (float& value : matrix.reshaped()) value = uniform(random);
  };
  Model model;
  const float he = std::sqrt(6.0f / kInputs), glorot = std::sqrt(6.0f / (kHidden + kClasses));
  fill(model.w1, -he, he);
  fill(model.w2, -glorot, glorot);
  model.b1.setZero();
  model.b2.setZero();
  Eigen::Vector<float, kInputs> x;
  fill(x, 0, 1);
  const int label = random() % kClasses;

  std::vector<double> losses;
  for (int i = 0; i <= 20; ++i) losses.push_back(Step(x, label, model));
  const double rate = StepsPerSecond(options.seconds, [&] { Step(x, label, model); });
  PrintSteps("seed_mlp_by_hand", options, rate, losses);
  return 0;
}
