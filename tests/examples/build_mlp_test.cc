// The network in C++ and the one in the file are the same: the same bits after training steps.

#include "examples/cpp/build_mlp.h"

#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

std::string HashAfterTwoSteps(const Graph& graph) {
  const absl::StatusOr<TrainGraph> train =
      BuildTrainGraph(graph, "loss", Optimizer::Sgd(0.1, /*momentum=*/0.9));
  EXPECT_THAT(train, IsOk());
  if (!train.ok()) return "";
  absl::StatusOr<TensorMap> states = InitializeStates(train->graph, 1);
  EXPECT_THAT(states, IsOk());
  if (!states.ok()) return "";
  Tensor images(DType::kFloat, {8, 784}), labels(DType::kInt64, {8});
  for (int64_t i = 0; i < images.num_elements(); ++i) images.set(i, (i * 7919 % 256) / 255.0);
  for (int64_t i = 0; i < 8; ++i) labels.set(i, i);
  TensorMap feeds = {{"images", images}, {"labels", labels}};
  feeds.emplace(kLearningRate, Tensor::Scalar(0.1));
  for (int step = 0; step < 2; ++step) {
    EXPECT_THAT(ReferenceRun(train->graph, feeds, *states, {"loss"}, StepValues(), true), IsOk());
  }
  return WeightsHash(std::vector<NamedTensor>(states->begin(), states->end()));
}

TEST(BuildMlpTest, IsTheModelOfTheFile) {
  const absl::StatusOr<Graph> from_file = ReadGraph("examples/fashion_mnist/mlp.pbtxt");
  const absl::StatusOr<Graph> from_api = BuildMlp();
  ASSERT_THAT(from_file, IsOk());
  ASSERT_THAT(from_api, IsOk());
  EXPECT_EQ(HashAfterTwoSteps(*from_api), HashAfterTwoSteps(*from_file));
}

}  // namespace
}  // namespace flowgrad
