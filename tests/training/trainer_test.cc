#include "training/trainer.h"

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "proto/model.pb.h"
#include "tests/testing/status_matchers.h"
#include "training/weights_hash.h"

namespace flowgrad {
namespace {

// A net of one layer, so that a test takes a moment.
ModelDef LinearModel() {
  ModelDef model;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"pb(
        format_version: 1
        graph {
          input { name: "images" type: "float[N,784]" }
          input { name: "labels" type: "int64[N]" }
          parameter {
            name: "w"
            type: "float[784,10]"
            init { glorot_uniform {} }
          }
          parameter { name: "b" type: "float[10]" }
          node {
            name: "logits"
            op: "Gemm"
            input: [ "images", "w", "b" ]
          }
          node {
            name: "loss"
            op: "SoftmaxCrossEntropyLoss"
            input: [ "logits", "labels" ]
          }
          output: "logits"
        }
        training {
          loss: "loss"
          optimizer { sgd { learning_rate: 0.1 } }
          batch_size: 128
          steps: 60
          data {
            set: "fashion-mnist"
            feed { input: "images" }
            feed { input: "labels" }
          }
          metric { name: "accuracy" prediction: "logits" label: "labels" }
        }
      )pb",
      &model));
  return model;
}

std::string HashAfter(const TrainerOptions& options) {
  absl::StatusOr<std::unique_ptr<Trainer>> trainer = Trainer::Make(LinearModel(), options);
  EXPECT_THAT(trainer, IsOk());
  if (!trainer.ok()) return "";
  while (!(*trainer)->done()) {
    const absl::StatusOr<double> loss = (*trainer)->Step();
    EXPECT_THAT(loss, IsOk());
    if (!loss.ok()) return "";
  }
  return WeightsHash((*trainer)->Weights());
}

TEST(TrainerTest, LearnsALinearClassifier) {
  absl::StatusOr<std::unique_ptr<Trainer>> trainer = Trainer::Make(LinearModel(), {});
  ASSERT_THAT(trainer, IsOk());
  while (!(*trainer)->done()) ASSERT_THAT((*trainer)->Step(), IsOk());
  const absl::StatusOr<std::vector<Metric>> metrics = (*trainer)->Evaluate();
  ASSERT_THAT(metrics, IsOk());
  ASSERT_EQ(metrics->size(), 1u);
  EXPECT_GT((*metrics)[0].value, 0.65);  // of ten classes, after 7,680 samples
}

TEST(TrainerTest, IsAFunctionOfTheSeed) {
  TrainerOptions first, second;
  first.seed = 1;
  second.seed = 2;
  EXPECT_EQ(HashAfter(first), HashAfter(first));
  EXPECT_NE(HashAfter(first), HashAfter(second));
}

TEST(TrainerTest, TakesTheRestOfAnEpochAsASmallerBatch) {
  TrainerOptions options;
  options.batch_size = 50000;
  options.steps = 2;
  absl::StatusOr<std::unique_ptr<Trainer>> trainer = Trainer::Make(LinearModel(), options);
  ASSERT_THAT(trainer, IsOk());
  EXPECT_EQ((*trainer)->steps_per_epoch(), 2);
  EXPECT_THAT((*trainer)->Step(), IsOk());
  EXPECT_THAT((*trainer)->Step(), IsOk());
}

TEST(TrainerTest, AFailedStepLeavesTheWeightsAsTheyWere) {
  ModelDef model = LinearModel();
  model.mutable_training()->mutable_optimizer()->mutable_sgd()->set_learning_rate(3e38);
  absl::StatusOr<std::unique_ptr<Trainer>> trainer = Trainer::Make(model, {});
  ASSERT_THAT(trainer, IsOk());
  std::string before = WeightsHash((*trainer)->Weights());
  absl::StatusOr<double> loss = 0.0;
  while (loss.ok() && !(*trainer)->done()) {
    before = WeightsHash((*trainer)->Weights());
    loss = (*trainer)->Step();
  }
  EXPECT_THAT(loss, StatusIs(absl::StatusCode::kAborted, ::testing::HasSubstr("at step ")));
  EXPECT_EQ(WeightsHash((*trainer)->Weights()), before);
}

TEST(TrainerTest, RefusesWeightsOfAnotherModelAndListsTheDifferences) {
  absl::StatusOr<std::unique_ptr<Trainer>> trainer = Trainer::Make(LinearModel(), {});
  ASSERT_THAT(trainer, IsOk());
  TensorFile file;
  file.tensors["w"] = Tensor(DType::kFloat, {784, 9});
  file.tensors["c"] = Tensor(DType::kFloat, {10});
  EXPECT_THAT((*trainer)->SetWeights(file),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "tensor \"w\" must be float[784,10], but is float[784,9]\n"
                       "tensor \"b\" is missing\n"
                       "tensor \"c\" is no variable of the model"));
}

TEST(TrainerTest, OpensAFileAndBlamesIt) {
  TrainerOptions options;
  options.steps = 1;
  const auto trainer = Trainer::Open("examples/fashion_mnist/mlp.pbtxt", options);
  ASSERT_THAT(trainer, IsOk());
  EXPECT_THAT((*trainer)->Step(), IsOk());
  EXPECT_TRUE((*trainer)->done());
  options.batch_size = -1;
  EXPECT_THAT(Trainer::Open("examples/fashion_mnist/mlp.pbtxt", options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "examples/fashion_mnist/mlp.pbtxt: training.batch_size must be 1 or more, "
                       "but is -1"));
}

}  // namespace
}  // namespace flowgrad
