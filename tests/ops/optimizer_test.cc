// Optimizer updates: steps worked out by hand from their formulas, in double.

#include <cmath>
#include <vector>

#include "gmock/gmock.h"
#include "graph/graph_builder.h"
#include "gtest/gtest.h"
#include "ops/builtin_ops.h"
#include "ops/run_op.h"
#include "tests/testing/evaluate.h"

namespace flowgrad {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor Vector(const std::vector<double>& numbers) {
  return Tensor::Of<double>({static_cast<int64_t>(numbers.size())}, numbers);
}
Tensor Number(double number) { return Tensor::Scalar(number); }

std::vector<Tensor> ResultsOf(const char* op, const std::vector<Tensor>& inputs, int num_outputs,
                              const Attributes& attributes = {}) {
  const auto outputs = RunOp(*BuiltinOps().Find(op), attributes, inputs, num_outputs);
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  return outputs.ok() ? *outputs : std::vector<Tensor>(num_outputs, Vector({}));
}

TEST(SgdUpdateTest, GoesAgainstTheGradient) {
  EXPECT_THAT(
      Numbers(ResultsOf("SgdUpdate", {Vector({1, 2}), Vector({4, -8}), Number(0.25)}, 1)[0]),
      ElementsAre(0, 4));
}

TEST(MomentumUpdateTest, KeepsAVelocity) {
  const std::vector<Tensor> inputs = {Vector({1}), Vector({4}), Vector({2}), Number(0.25)};
  const std::vector<Tensor> plain = ResultsOf("MomentumUpdate", inputs, 2, {{"momentum", 0.5}});
  EXPECT_THAT(Numbers(plain[0]), ElementsAre(1 - 0.25 * 5));
  EXPECT_THAT(Numbers(plain[1]), ElementsAre(5));
  const std::vector<Tensor> ahead =
      ResultsOf("MomentumUpdate", inputs, 2, {{"momentum", 0.5}, {"nesterov", 1}});
  EXPECT_THAT(Numbers(ahead[0]), ElementsAre(1 - 0.25 * 6.5));
  EXPECT_THAT(Numbers(ahead[1]), ElementsAre(5));
}

TEST(AdamUpdateTest, FollowsItsFormula) {
  const std::vector<Tensor> outputs =
      ResultsOf("AdamUpdate",
                {Vector({1}), Vector({2}), Vector({0.5}), Vector({3}), Number(0.1), Number(0.5)}, 3,
                {{"beta1", 0.75}, {"beta2", 0.5}});
  const double m = 0.75 * 0.5 + 0.25 * 2, v = 0.5 * 3 + 0.5 * 4;
  EXPECT_THAT(Numbers(outputs[0]),
              ElementsAre(DoubleNear(1 - 0.1 * m / (std::sqrt(v) + 0.5), 1e-15)));
  EXPECT_THAT(Numbers(outputs[1]), ElementsAre(m));
  EXPECT_THAT(Numbers(outputs[2]), ElementsAre(v));
}

// With the rate and epsilon of step t the first step has the size of the rate, whatever the
// gradient.
TEST(AdamUpdateTest, TakesAFirstStepOfTheSizeOfTheRate) {
  const double rate = 0.01 * std::sqrt(1 - 0.999) / (1 - 0.9),
               epsilon = 1e-8 * std::sqrt(1 - 0.999);
  const std::vector<double> w =
      Numbers(ResultsOf("AdamUpdate",
                        {Vector({0, 0}), Vector({1000, -0.001}), Vector({0, 0}), Vector({0, 0}),
                         Number(rate), Number(epsilon)},
                        3)[0]);
  EXPECT_THAT(w, ElementsAre(DoubleNear(-0.01, 1e-9), DoubleNear(0.01, 1e-6)));
}

TEST(RmsPropUpdateTest, FollowsItsFormula) {
  const std::vector<Tensor> outputs = ResultsOf("RmsPropUpdate", {Vector({2, 0}), Vector({3, 4})},
                                                2, {{"alpha", 0.75}, {"epsilon", 0.5}});
  const double v = 0.75 * 3 + 0.25 * 4;
  EXPECT_THAT(Numbers(outputs[0]), ElementsAre(DoubleNear(2 / (std::sqrt(v) + 0.5), 1e-15), 0));
  EXPECT_THAT(Numbers(outputs[1]), ElementsAre(v, 3));
}

TEST(RmsPropUpdateTest, TakesNoStepWhereTheGradientWasAlwaysZero) {
  EXPECT_THAT(Numbers(ResultsOf("RmsPropUpdate", {Vector({0}), Vector({0})}, 2)[0]),
              ElementsAre(0));
}

TEST(AdagradUpdateTest, FollowsItsFormula) {
  const std::vector<Tensor> outputs =
      ResultsOf("AdagradUpdate", {Vector({1, 1}), Vector({3, 0}), Vector({16, 0}), Number(0.5)}, 2,
                {{"epsilon", 1.0}});
  EXPECT_THAT(Numbers(outputs[0]), ElementsAre(1 - 0.5 * 3 / (5 + 1), 1));
  EXPECT_THAT(Numbers(outputs[1]), ElementsAre(25, 0));
}

TEST(OptimizerTest, IsNotDifferentiated) {
  for (const char* op :
       {"SgdUpdate", "MomentumUpdate", "AdamUpdate", "RmsPropUpdate", "AdagradUpdate"}) {
    EXPECT_EQ(BuiltinOps().Find(op)->no_gradient_reason(), "updates are not differentiated");
  }
}

TEST(MomentumTest, FollowsOnnx) {
  for (const bool nesterov : {false, true}) {
    for (const int64_t updates : {0, 3}) {
      GraphBuilder g;
      const double alpha = 0.95, beta = 0.85, norm = 0.001, r = 0.1, x = 1.2, gradient = -0.94,
                   v = 1.7;
      const std::vector<Value> outputs =
          CallMany("Momentum",
                   {ConstantOf(g, DType::kFloat, {}, {r}), Int64s(g, {}, {double(updates)}),
                    Doubles(g, {1}, {x}), Doubles(g, {1}, {gradient}), Doubles(g, {1}, {v})},
                   {{"alpha", alpha},
                    {"beta", beta},
                    {"norm_coefficient", norm},
                    {"mode", nesterov ? "nesterov" : "standard"}},
                   2);
      const auto results = Evaluate(g, outputs);
      ASSERT_TRUE(results.ok()) << results.status();
      const double g_regularized = norm * x + gradient;
      const double v_new = alpha * v + (updates > 0 ? beta : 1) * g_regularized;
      const double step = nesterov ? g_regularized + alpha * v_new : v_new;
      EXPECT_NEAR((*results)[0].at(0), x - 0.1f * step, 1e-14);
      EXPECT_NEAR((*results)[1].at(0), v_new, 1e-14);
    }
  }
}

TEST(AdamTest, FollowsOnnxForSeveralTensors) {
  GraphBuilder g;
  const double alpha = 0.95, beta = 0.85, epsilon = 1e-2, norm = 0.001, post = 0.02, r = 0.1;
  const int t = 4;
  const std::vector<double> x = {1.2, 2.8}, dx = {-0.94, -2.5}, v = {1.7, 3.6}, h = {0.1, 0.4};
  std::vector<Value> inputs = {Doubles(g, {}, {r}), Int64s(g, {}, {double(t)})};
  for (const std::vector<double>& kind : {x, dx, v, h}) {
    for (const double number : kind) inputs.push_back(Doubles(g, {1}, {number}));
  }
  const auto results = Evaluate(g, CallMany("Adam", inputs,
                                            {{"alpha", alpha},
                                             {"beta", beta},
                                             {"epsilon", epsilon},
                                             {"norm_coefficient", norm},
                                             {"norm_coefficient_post", post}},
                                            6));
  ASSERT_TRUE(results.ok()) << results.status();
  for (int i = 0; i < 2; ++i) {
    const double gradient = norm * x[i] + dx[i];
    const double v_new = alpha * v[i] + (1 - alpha) * gradient;
    const double h_new = beta * h[i] + (1 - beta) * gradient * gradient;
    const double rate = r * std::sqrt(1 - std::pow(beta, t)) / (1 - std::pow(alpha, t));
    const double x_new = x[i] - rate * v_new / (std::sqrt(h_new) + epsilon);
    EXPECT_NEAR((*results)[i].at(0), (1 - post) * x_new, 1e-14);
    EXPECT_NEAR((*results)[2 + i].at(0), v_new, 1e-14);
    EXPECT_NEAR((*results)[4 + i].at(0), h_new, 1e-14);
  }
}

TEST(AdagradTest, FollowsOnnxForSeveralTensors) {
  GraphBuilder g;
  const double decay = 0.1, epsilon = 1e-5, norm = 0.001, r = 0.1;
  const int t = 3;
  const std::vector<double> x = {1.0, 2.5}, dx = {-1.0, 1.3}, h = {2.0, 0.4};
  std::vector<Value> inputs = {Doubles(g, {}, {r}), Int64s(g, {}, {double(t)})};
  for (const std::vector<double>& kind : {x, dx, h}) {
    for (const double number : kind) inputs.push_back(Doubles(g, {1}, {number}));
  }
  const auto results = Evaluate(
      g, CallMany("Adagrad", inputs,
                  {{"decay_factor", decay}, {"epsilon", epsilon}, {"norm_coefficient", norm}}, 4));
  ASSERT_TRUE(results.ok()) << results.status();
  for (int i = 0; i < 2; ++i) {
    const double gradient = norm * x[i] + dx[i], h_new = h[i] + gradient * gradient;
    const double x_new = x[i] - r / (1 + t * decay) * gradient / (std::sqrt(h_new) + epsilon);
    EXPECT_NEAR((*results)[i].at(0), x_new, 1e-14);
    EXPECT_NEAR((*results)[2 + i].at(0), h_new, 1e-14);
  }
}

TEST(AdamTest, CountsItsTensors) {
  GraphBuilder g;
  const Value x = Doubles(g, {1}, {1}), r = Doubles(g, {}, {1}), t = Int64s(g, {}, {0});
  CallMany("Adam", {r, t, x, x, x}, {}, 3);
  EXPECT_THAT(g.errors()[0], HasSubstr("input \"inputs\" must hold 4 tensors for each one that is "
                                       "optimized, but holds 3"));
}

}  // namespace
}  // namespace flowgrad
