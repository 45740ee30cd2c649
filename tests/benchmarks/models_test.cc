// The models of benchmarks/ can be trained or differentiated, and compute what they say.

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "graph/autodiff.h"
#include "graph/model_graph.h"
#include "gtest/gtest.h"
#include "proto/model_file.h"
#include "scheduler/reference_run.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tensors.h"
#include "training/train_graph.h"

namespace flowgrad {
namespace {

ModelDef ReadModel(const std::string& name) {
  absl::StatusOr<ModelDef> model = ReadModelFile(absl::StrCat("benchmarks/", name, ".pbtxt"));
  EXPECT_THAT(model, IsOk());
  return model.ok() ? *std::move(model) : ModelDef();
}

// Uniform in [0, 1), for labels 0, which is a class everywhere. Symbols are `batch`.
TensorMap DrawFeeds(const Graph& graph, int64_t batch) {
  Random random(/*seed=*/1);
  TensorMap feeds;
  for (const GraphInput& input : graph.inputs()) {
    if (input.default_value.present()) continue;
    const TensorType& type = graph.type(input.value);
    Dims dims;
    for (const Dim& dim : type.shape) dims.push_back(dim.known() ? dim.value() : batch);
    feeds[input.name] = RandomTensor(type.dtype, dims, 0, 1, random);
  }
  return feeds;
}

struct Trained {
  const char* model;
  // What the loss must be before the first step, about.
  double loss, tolerance;
};

class TrainedModelTest : public testing::TestWithParam<Trained> {};

TEST_P(TrainedModelTest, AStepMakesTheLossSmaller) {
  const ModelDef model = ReadModel(GetParam().model);
  EXPECT_EQ(model.graph().name(), GetParam().model);
  const absl::StatusOr<Graph> graph = BuildGraph(model.graph());
  ASSERT_THAT(graph, IsOk());
  const absl::StatusOr<TrainGraph> train = BuildTrainGraph(*graph, model.training());
  ASSERT_THAT(train, IsOk());
  EXPECT_TRUE(train->unreachable.empty());
  absl::StatusOr<TensorMap> states = InitializeStates(train->graph, /*seed=*/1);
  ASSERT_THAT(states, IsOk());
  TensorMap feeds = DrawFeeds(*graph, model.training().batch_size());
  feeds[std::string(kLearningRate)] = Tensor::Scalar(train->learning_rate);
  std::vector<double> losses;
  for (int step = 0; step < 2; ++step) {
    StepValues values;
    values.step = step;
    const absl::StatusOr<std::vector<Tensor>> loss =
        ReferenceRun(train->graph, feeds, *states, {train->loss}, values, /*update_states=*/true);
    ASSERT_THAT(loss, IsOk());
    losses.push_back((*loss)[0].at(0));
  }
  EXPECT_NEAR(losses[0], GetParam().loss, GetParam().tolerance);
  EXPECT_LT(losses[1], losses[0]);
}

// A classifier that knows nothing has the loss ln(classes); a regression that gives about 0, the
// mean of t² for t in [0, 1).
INSTANTIATE_TEST_SUITE_P(Benchmarks, TrainedModelTest,
                         testing::Values(Trained{"seed_mlp_batch1", std::log(2.0), 0.3},
                                         Trained{"mlp_784_512_512_10", std::log(10.0), 0.1},
                                         Trained{"mlp_adam", std::log(10.0), 0.1},
                                         Trained{"transformer_d128_l2_t64", std::log(96.0), 0.5},
                                         Trained{"wide16_branches", 1.0 / 3, 0.2}),
                         [](const auto& info) { return std::string(info.param.model); });

// The first output of a model, and its gradients in the order of graph.gradients().
std::vector<Tensor> OutputAndGradients(const std::string& name, GradientTargets targets,
                                       TensorMap& feeds) {
  const ModelDef model = ReadModel(name);
  EXPECT_EQ(model.graph().name(), name);
  EXPECT_FALSE(model.has_training());
  const absl::StatusOr<Graph> graph = BuildGraph(model.graph());
  EXPECT_THAT(graph, IsOk());
  if (!graph.ok()) return {};
  const std::string output = graph->outputs()[0].name;
  const absl::StatusOr<Graph> backward = Differentiate(*graph, output, targets);
  EXPECT_THAT(backward, IsOk());
  if (!backward.ok()) return {};
  feeds = DrawFeeds(*backward, /*batch=*/1);
  absl::StatusOr<TensorMap> states = InitializeStates(*backward, /*seed=*/1);
  EXPECT_THAT(states, IsOk());
  std::vector<std::string> fetches = {output};
  for (const GradientPair& pair : backward->gradients())
    fetches.push_back(backward->value_name(pair.gradient));
  const absl::StatusOr<std::vector<Tensor>> values =
      ReferenceRun(*backward, feeds, *states, fetches, StepValues());
  EXPECT_THAT(values, IsOk());
  return values.ok() ? *values : std::vector<Tensor>();
}

TEST(BenchmarkModelTest, ToyScalarChainHasTheDerivativesOfTheWorkedExample) {
  TensorMap feeds;
  const std::vector<Tensor> values =
      OutputAndGradients("toy_scalar_chain", GradientTargets::kParameters, feeds);
  ASSERT_EQ(values.size(), 9u);
  // beta0 to beta3, omega0 to omega3; worked out by hand.
  const double expected[] = {2.28090062,
                             -17.06046653,
                             -1.68305775,
                             0.74452822,
                             2.28090062 * 2.3,
                             -17.06046653 * 0.94248880,
                             -1.68305775 * 5.06829505,
                             0.74452822 * 0.65742137};
  EXPECT_NEAR(values[0].at(0), 0.37226411 * 0.37226411, 1e-5);
  for (int i = 0; i < 8; ++i) EXPECT_NEAR(values[i + 1].at(0) / expected[i], 1, 1e-5) << i;
}

// A number and its derivative by the input.
struct Dual {
  double value, slope;
};

// What a model of independent elements must give, where `f` takes an element as Dual{x, 1}.
template <class F>
void ExpectSumOf(const std::vector<Tensor>& values, const Tensor& x, F f) {
  ASSERT_EQ(values.size(), 2u);
  ASSERT_EQ(values[1].dims(), x.dims());
  double sum = 0;
  for (int64_t i = 0; i < x.num_elements(); ++i) {
    const Dual y = f(Dual{x.at(i), 1});
    sum += y.value;
    ASSERT_NEAR(values[1].at(i), y.slope, 1e-5) << "element " << i;
  }
  EXPECT_NEAR(values[0].at(0) / sum, 1, 1e-4);
}

TEST(BenchmarkModelTest, DeepChainIsFiveHundredTimesTanh) {
  TensorMap feeds;
  const std::vector<Tensor> values =
      OutputAndGradients("deep_chain_1000_tiny", GradientTargets::kInputs, feeds);
  ExpectSumOf(values, feeds["x"], [](Dual z) {
    for (int i = 0; i < 500; ++i) {
      const double t = std::tanh(z.value);
      z = {0.99 * t, 0.99 * (1 - t * t) * z.slope};
    }
    return z;
  });
}

TEST(BenchmarkModelTest, ElementwiseIsFiveTimesTanhAndSigmoid) {
  TensorMap feeds;
  const std::vector<Tensor> values =
      OutputAndGradients("elementwise20_1M", GradientTargets::kInputs, feeds);
  EXPECT_EQ(feeds["x"].num_elements(), 1 << 20);
  ExpectSumOf(values, feeds["x"], [](Dual z) {
    for (int i = 0; i < 5; ++i) {
      const double t = std::tanh(1.1 * z.value + 0.1), s = 1 / (1 + std::exp(-z.value));
      z = {t * s, (1.1 * (1 - t * t) * s + t * s * (1 - s)) * z.slope};
    }
    return z;
  });
}

}  // namespace
}  // namespace flowgrad
