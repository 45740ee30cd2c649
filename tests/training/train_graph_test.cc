#include "training/train_graph.h"

#include <cmath>

#include "gmock/gmock.h"
#include "graph/graph_text.h"
#include "gtest/gtest.h"
#include "scheduler/reference_run.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

// loss = Σ (w - x)², so dloss/dw = 2 (w - x).
Graph Bowl() {
  absl::StatusOr<Graph> graph = ParseGraphText(
      "input x: double[2]\n"
      "parameter w: double[2] = constant(1)\n"
      "d = Sub(w, x)\n"
      "s = Mul(d, d)\n"
      "loss = ReduceSum(s) {keepdims=0}\n"
      "output loss\n");
  EXPECT_THAT(graph, IsOk());
  return *std::move(graph);
}

// The parameter after each of `steps` steps with rate 0.1, for x = (3, -0.5).
std::vector<std::vector<double>> Steps(const Optimizer& optimizer, int steps,
                                       double clip_norm = 0) {
  std::vector<std::vector<double>> sequence;
  const absl::StatusOr<TrainGraph> train =
      BuildTrainGraph(Bowl(), "loss", optimizer, BuiltinOps(), {.clip_norm = clip_norm});
  EXPECT_THAT(train, IsOk());
  if (!train.ok()) return sequence;
  absl::StatusOr<TensorMap> states = InitializeStates(train->graph, 1);
  EXPECT_THAT(states, IsOk());
  const std::vector<double> x = {3, -0.5};
  TensorMap feeds = {{"x", Tensor::Of<double>({2}, absl::MakeConstSpan(x))}};
  feeds.emplace(kLearningRate, Tensor::Scalar(0.125));
  for (int i = 0; i < steps; ++i) {
    const auto run = ReferenceRun(train->graph, feeds, *states, {"loss"}, StepValues(), true);
    EXPECT_THAT(run, IsOk());
    sequence.push_back({(*states)["w"].at(0), (*states)["w"].at(1)});
  }
  return sequence;
}

TEST(TrainGraphTest, SgdGoesAgainstTheGradient) {
  // w ← w - 0.125 · 2 (w - x) = 0.75 w + 0.25 x, exact in binary.
  const auto steps = Steps(Optimizer::Sgd(0.125), 2);
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0], (std::vector<double>{1.5, 0.625}));
  EXPECT_EQ(steps[1], (std::vector<double>{1.875, 0.34375}));
}

TEST(TrainGraphTest, MomentumKeepsAVelocity) {
  const auto steps = Steps(Optimizer::Sgd(0.125, /*momentum=*/0.5), 10);
  ASSERT_EQ(steps.size(), 10u);
  double w[2] = {1, 1}, v[2] = {0, 0};
  const double x[2] = {3, -0.5};
  for (const auto& step : steps) {
    for (int j = 0; j < 2; ++j) {
      v[j] = 0.5 * v[j] + 2 * (w[j] - x[j]);
      w[j] -= 0.125 * v[j];
      EXPECT_NEAR(step[j], w[j], 1e-14);
    }
  }
}

TEST(TrainGraphTest, AdamCorrectsItsStartAsThePaperDoes) {
  const auto steps = Steps(Optimizer::Adam(0.125), 20);
  ASSERT_EQ(steps.size(), 20u);
  double w[2] = {1, 1}, m[2] = {0, 0}, v[2] = {0, 0};
  const double x[2] = {3, -0.5};
  for (size_t t = 1; t <= steps.size(); ++t) {
    for (int j = 0; j < 2; ++j) {
      const double g = 2 * (w[j] - x[j]);
      m[j] = 0.9 * m[j] + 0.1 * g;
      v[j] = 0.999 * v[j] + 0.001 * g * g;
      const double mean = m[j] / (1 - std::pow(0.9, t)), square = v[j] / (1 - std::pow(0.999, t));
      w[j] -= 0.125 * mean / (std::sqrt(square) + 1e-8);
      EXPECT_NEAR(steps[t - 1][j], w[j], 1e-12);
    }
  }
}

TEST(TrainGraphTest, ClipsALongGradientAndLeavesAShortOneAlone) {
  // The gradient is (-4, 3), of length 5. Against it by 0.125 of what is left of it.
  const double kept = 1 / (5 + 1e-6);
  const auto clipped = Steps(Optimizer::Sgd(0.125), 1, /*clip_norm=*/1);
  ASSERT_EQ(clipped.size(), 1u);
  EXPECT_NEAR(clipped[0][0], 1 + 0.125 * 4 * kept, 1e-15);
  EXPECT_NEAR(clipped[0][1], 1 - 0.125 * 3 * kept, 1e-15);
  EXPECT_EQ(Steps(Optimizer::Sgd(0.125), 2, /*clip_norm=*/5.001), Steps(Optimizer::Sgd(0.125), 2));
}

TEST(TrainGraphTest, AFloatModelTakesTheRateInFloat) {
  const absl::StatusOr<Graph> graph = ParseGraphText(
      "input x: float[]\n"
      "parameter w: float[] = zeros\n"
      "loss = Mul(x, w)\n"
      "output loss\n");
  ASSERT_THAT(graph, IsOk());
  const absl::StatusOr<TrainGraph> train = BuildTrainGraph(*graph, "loss", Optimizer());
  ASSERT_THAT(train, IsOk());
  absl::StatusOr<TensorMap> states = InitializeStates(train->graph, 1);
  ASSERT_THAT(states, IsOk());
  TensorMap feeds = {{"x", Tensor::Scalar(-3.0f)}};
  feeds.emplace(kLearningRate, Tensor::Scalar(0.1));
  ASSERT_THAT(ReferenceRun(train->graph, feeds, *states, {train->loss}, StepValues(), true),
              IsOk());
  EXPECT_EQ((*states)["w"].data<float>()[0], 0.1f * 3.0f);
}

TEST(TrainGraphTest, KeepsNoStateThatAnOptimizerDoesNotNeed) {
  const auto states_of = [](const Optimizer& optimizer) {
    const absl::StatusOr<TrainGraph> train = BuildTrainGraph(Bowl(), "loss", optimizer);
    EXPECT_THAT(train, IsOk());
    std::vector<std::string> names;
    for (const State& state : train->graph.states()) names.push_back(state.name);
    return names;
  };
  using ::testing::ElementsAre;
  EXPECT_THAT(states_of(Optimizer::Sgd(1)), ElementsAre("w"));
  EXPECT_THAT(states_of(Optimizer::Sgd(1, 0.5, /*nesterov=*/true)),
              ElementsAre("w", "optimizer/w/momentum"));
  EXPECT_THAT(states_of(Optimizer::RmsProp(1)), ElementsAre("w", "optimizer/w/square"));
  EXPECT_THAT(states_of(Optimizer::RmsProp(1, 0.9, 1e-8, /*momentum=*/0.5)),
              ElementsAre("w", "optimizer/w/square", "optimizer/w/momentum"));
  EXPECT_THAT(states_of(Optimizer::Adagrad(1)), ElementsAre("w", "optimizer/w/sum"));
  EXPECT_THAT(states_of(Optimizer::Adagrad(1, 1e-10, /*decay=*/0.5)),
              ElementsAre("w", "optimizer/step", "optimizer/w/sum"));
}

TEST(TrainGraphTest, NamesParametersThatTheLossDoesNotReach) {
  const absl::StatusOr<Graph> graph = ParseGraphText(
      "input x: float[]\n"
      "parameter used: float[] = zeros\n"
      "parameter idle: float[] = zeros\n"
      "loss = Mul(x, used)\n"
      "output loss\n");
  ASSERT_THAT(graph, IsOk());
  const absl::StatusOr<TrainGraph> train = BuildTrainGraph(*graph, "loss", Optimizer());
  ASSERT_THAT(train, IsOk());
  EXPECT_THAT(train->unreachable, ::testing::ElementsAre("idle"));
}

TEST(TrainGraphTest, KeepsALossThatIsNoOutput) {
  const absl::StatusOr<Graph> graph = ParseGraphText(
      "input x: float[]\n"
      "parameter w: float[] = zeros\n"
      "y = Mul(x, w)\n"
      "loss = Mul(y, y)\n"
      "output y\n");
  ASSERT_THAT(graph, IsOk());
  const absl::StatusOr<TrainGraph> train = BuildTrainGraph(*graph, "loss", Optimizer());
  ASSERT_THAT(train, IsOk());
  EXPECT_TRUE(train->graph.Find("loss").present());
}

TEST(TrainGraphTest, RefusesALossThatIsNoScalar) {
  const absl::StatusOr<Graph> graph = ParseGraphText(
      "input x: float[N]\n"
      "parameter w: float[] = zeros\n"
      "y = Mul(x, w)\n"
      "output y\n");
  ASSERT_THAT(graph, IsOk());
  EXPECT_THAT(
      BuildTrainGraph(*graph, "y", Optimizer()),
      StatusIs(absl::StatusCode::kInvalidArgument,
               "training.loss: value \"y\" must be a float or double scalar, but is float[N]"));
}

}  // namespace
}  // namespace flowgrad
