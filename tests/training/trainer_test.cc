#include "training/trainer.h"

#include <atomic>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "graph/graph_builder.h"
#include "gtest/gtest.h"
#include "ops/functions.h"
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
  const absl::StatusOr<std::vector<MetricResult>> metrics = (*trainer)->Evaluate();
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

// y = 2 x + 1 on the samples x = 0, ..., 9, which a model y = w x + b learns.
absl::StatusOr<std::unique_ptr<Trainer>> LineTrainer(const std::string& training,
                                                     const TrainerOptions& options = {}) {
  GraphBuilder g;
  const Value x = g.Input("x", "double[N]"), y = g.Input("y", "double[N]");
  const Value w = g.Parameter("w", "double[]", Zeros());
  const Value b = g.Parameter("b", "double[]", Zeros());
  const Value line = (x * w + b).As("line");
  const Value error = (line - y).As("error");
  Call("ReduceMean", {error * error}, {{"keepdims", 0}}).As("loss");
  g.Output(line);
  const Graph graph = *std::move(g).Build();
  std::vector<double> xs, ys;
  for (int i = 0; i < 10; ++i) {
    xs.push_back(i / 10.0);
    ys.push_back(2 * xs.back() + 1);
  }
  const absl::StatusOr<DataSet> data = DataSet::OfTensors(
      {{"x", Tensor::Of<double>({10}, xs)}, {"y", Tensor::Of<double>({10}, ys)}});
  EXPECT_THAT(data, IsOk());
  return Trainer::Make(graph,
                       absl::StrCat(R"(loss: "loss" data { feed { input: "x" } feed { input: "y" } }
                                       metric { name: "mean_absolute_error" prediction: "line" label: "y" } )",
                                    training),
                       {*data, *data}, options);
}

TEST(TrainerTest, TrainsAGraphOnDataInMemory) {
  const auto trainer = LineTrainer(
      "optimizer { sgd { learning_rate: 0.5 momentum: 0.5 } } batch_size: 10 epochs: 100");
  ASSERT_THAT(trainer, IsOk());
  ASSERT_THAT((*trainer)->Train(), IsOk());
  EXPECT_TRUE((*trainer)->done());
  EXPECT_NEAR((*trainer)->Weights()[0].second.at(0), 2, 1e-3);
  EXPECT_NEAR((*trainer)->Weights()[1].second.at(0), 1, 1e-3);
  ASSERT_EQ((*trainer)->metrics().size(), 1u);
  EXPECT_NEAR((*trainer)->metrics()[0].value, 0, 1e-3);
}

TEST(TrainerTest, KeepsAHistoryOfMeansAndMetrics) {
  const auto trainer = LineTrainer("batch_size: 5 epochs: 6 log_every: 3 evaluate_every: 4");
  ASSERT_THAT(trainer, IsOk());
  std::vector<double> losses;
  ASSERT_THAT((*trainer)->Train([&](double loss) { losses.push_back(loss); }), IsOk());
  ASSERT_EQ(losses.size(), 12u);
  EXPECT_THAT((*trainer)->history().metrics(), ::testing::ElementsAre("mean_absolute_error"));
  std::vector<int64_t> steps, evaluated;
  for (const HistoryRow& row : (*trainer)->history().rows()) {
    steps.push_back(row.step);
    if (row.metrics[0]) evaluated.push_back(row.step);
  }
  EXPECT_THAT(steps, ::testing::ElementsAre(3, 4, 6, 8, 9, 12));
  EXPECT_THAT(evaluated, ::testing::ElementsAre(4, 8, 12));
  const HistoryRow& third = (*trainer)->history().rows()[2];
  EXPECT_DOUBLE_EQ(third.loss, (losses[4] + losses[5]) / 2);
  EXPECT_EQ(third.epoch, 3);
}

TEST(TrainerTest, AStopEndsItAtTheBorderOfAStep) {
  std::atomic<bool> stop = false;
  TrainerOptions options;
  options.stop = &stop;
  const auto trainer = LineTrainer("batch_size: 1 steps: 1000", options);
  ASSERT_THAT(trainer, IsOk());
  int steps = 0;
  ASSERT_THAT((*trainer)->Train([&](double) { stop = ++steps == 7; }), IsOk());
  EXPECT_EQ((*trainer)->step(), 7);
  EXPECT_FALSE((*trainer)->done());
  stop = false;
  ASSERT_THAT((*trainer)->Train(), IsOk());
  EXPECT_EQ((*trainer)->step(), 1000);
}

// The weights after training with these settings.
std::string HashOf(const std::string& training) {
  const auto trainer = LineTrainer(training);
  EXPECT_THAT(trainer, IsOk());
  if (!trainer.ok()) return "";
  EXPECT_THAT((*trainer)->Train(), IsOk());
  return WeightsHash((*trainer)->Weights());
}

TEST(TrainerTest, DrawsSamplesWithReplacementByTheSeed) {
  const std::string drawn = "batch_size: 3 steps: 50 sampling: WITH_REPLACEMENT ";
  EXPECT_EQ(HashOf(drawn), HashOf(drawn));
  EXPECT_NE(HashOf(drawn), HashOf(drawn + "seed: 2"));
  EXPECT_NE(HashOf(drawn), HashOf("batch_size: 3 steps: 50"));
}

TEST(TrainerTest, TakesSamplesInOrder) {
  // One step of size 1 on sample 0, x = 0 and y = 1, changes b only: by -2 (0 - 1).
  const auto trainer = LineTrainer(
      "optimizer { sgd { learning_rate: 1 } } batch_size: 1 steps: 1 sampling: IN_ORDER");
  ASSERT_THAT(trainer, IsOk());
  ASSERT_THAT((*trainer)->Train(), IsOk());
  EXPECT_EQ((*trainer)->Weights()[0].second.at(0), 0);
  EXPECT_EQ((*trainer)->Weights()[1].second.at(0), 2);
}

TEST(TrainerTest, FollowsItsSchedule) {
  const auto trainer = LineTrainer(
      "optimizer { sgd { learning_rate: 0.1 } } batch_size: 10 epochs: 4 log_every: 1 "
      "schedule { step { every: 2 factor: 0.5 } }");
  ASSERT_THAT(trainer, IsOk());
  ASSERT_THAT((*trainer)->Train(), IsOk());
  std::vector<double> rates;
  for (const HistoryRow& row : (*trainer)->history().rows()) rates.push_back(row.learning_rate);
  EXPECT_THAT(rates, ::testing::ElementsAre(0.1, 0.1, 0.05, 0.05));
}

TEST(TrainerTest, FreezesByPattern) {
  const auto trainer = LineTrainer("batch_size: 10 steps: 5 freeze: 'w*'");
  ASSERT_THAT(trainer, IsOk());
  ASSERT_THAT((*trainer)->Train(), IsOk());
  EXPECT_EQ((*trainer)->Weights()[0].second.at(0), 0);
  EXPECT_NE((*trainer)->Weights()[1].second.at(0), 0);
}

TEST(TrainerTest, SettingsComeLast) {
  TrainerOptions options;
  options.batch_size = 2;
  options.settings = {"batch_size=5", "optimizer.learning_rate=0.25"};
  const auto trainer = LineTrainer("batch_size: 10 epochs: 1", options);
  ASSERT_THAT(trainer, IsOk());
  EXPECT_EQ((*trainer)->batch_size(), 5);
  EXPECT_EQ((*trainer)->session().learning_rate(), 0.25);
}

TEST(TrainerTest, TextOfATrainingSectionIsBlamedByLineAndColumn) {
  EXPECT_THAT(LineTrainer("batch_sise: 10"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       ::testing::AllOf(::testing::HasSubstr("training section, line 2, column "),
                                        ::testing::HasSubstr("batch_sise"))));
}

TEST(TrainerTest, RefusesRunsLongerThanRandomNumbersCount) {
  EXPECT_THAT(LineTrainer("batch_size: 10 epochs: 1099511627776"), IsOk());
  EXPECT_THAT(LineTrainer("batch_size: 1 epochs: 1099511627777"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "training.epochs must be from 1 to 2^40, but is 1099511627777"));
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
