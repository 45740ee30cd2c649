// Runs whose numbers go wrong: they stop within a step, say where it began, and leave the
// checkpoints before it.

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "graph/graph_builder.h"
#include "gtest/gtest.h"
#include "ops/functions.h"
#include "tests/testing/status_matchers.h"
#include "tests/training/session_nets.h"
#include "training/checkpoint.h"
#include "training/trainer.h"

namespace flowgrad {
namespace {

using ::testing::HasSubstr;

constexpr char kTraining[] = R"(
    loss: "loss" optimizer { sgd { learning_rate: 0.1 } } batch_size: 7 steps: 23
    data { feed { input: "x" } feed { input: "labels" } })";

std::unique_ptr<Trainer> MakeTrainer(const TrainerOptions& options) {
  const TensorMap batch = BatchFor(SmallNet(), 40, 3);
  DataParts data;
  data.train = *DataSet::OfTensors({{"x", batch.at("x")}, {"labels", batch.at("labels")}});
  auto trainer = Trainer::Make(SmallNet(), kTraining, std::move(data), options);
  EXPECT_THAT(trainer, IsOk());
  return *std::move(trainer);
}

std::unique_ptr<Trainer> MakeChecked(std::vector<std::string> settings = {}, int threads = 1) {
  TrainerOptions options;
  options.check_numerics = true;
  options.settings = std::move(settings);
  options.threads = threads;
  return MakeTrainer(options);
}

TEST(TrainerNumericsTest, LookingChangesNoBit) {
  for (const char* optimizer :
       {"sgd { learning_rate: 0.1 }", "sgd { learning_rate: 0.01 momentum: 0.9 }",
        "adamw { learning_rate: 0.01 }", "rmsprop { learning_rate: 0.01 }",
        "adagrad { learning_rate: 0.01 }"}) {
    TrainerOptions options;
    options.settings = {absl::StrCat("optimizer=", optimizer), "clip_norm=0.5"};
    const auto plain = MakeTrainer(options);
    ASSERT_THAT(plain->Train(), IsOk());
    for (const int threads : {1, 2, 5}) {
      const auto checked = MakeChecked(options.settings, threads);
      ASSERT_THAT(checked->Train(), IsOk());
      EXPECT_EQ(*checked->session().WeightsHash(), *plain->session().WeightsHash()) << optimizer;
    }
  }
}

// The mean of (x w)², and of its logarithm: x is 1 and w begins at 1.
Graph Square() {
  GraphBuilder g;
  const Value x = g.Input("x", "float[N,1]");
  const Value y = (x * g.Parameter("w", "float[1]", ConstantValue(1))).As("y");
  const Value square = (y * y).As("square");
  g.Output(Call("ReduceMean", {square}, {{"keepdims", 0}}).As("loss"));
  g.Output(Call("ReduceMean", {Log(square).As("logarithm")}, {{"keepdims", 0}}).As("log_loss"));
  return *std::move(g).Build();
}

std::unique_ptr<Trainer> MakeSquare(const std::string& settings, bool check, float x = 1) {
  DataParts data;
  data.train = *DataSet::OfTensors({{"x", Tensor::Filled(DType::kFloat, {4, 1}, x)}});
  TrainerOptions options;
  options.check_numerics = check;
  auto trainer = Trainer::Make(
      Square(), absl::StrCat(settings, " batch_size: 4 steps: 9 data { feed { input: \"x\" } }"),
      std::move(data), options);
  EXPECT_THAT(trainer, IsOk());
  return *std::move(trainer);
}

float WeightOf(Trainer& trainer) { return trainer.session().Get("w")->data<float>()[0]; }

// The first step takes w to 1 - 2e30, whose square is beyond float.
TEST(TrainerNumericsTest, ALossThatOverflowsStopsWithinAStep) {
  const std::string settings = R"(loss: "loss" optimizer { sgd { learning_rate: 1e30 } })";
  const auto plain = MakeSquare(settings, /*check=*/false);
  EXPECT_THAT(plain->Train(),
              StatusIs(absl::StatusCode::kAborted,
                       "loss is not finite at step 2: the weights are those before it; a smaller "
                       "learning rate may help"));
  EXPECT_EQ(plain->step(), 1);
  EXPECT_EQ(WeightOf(*plain), -2e30f);
  const auto checked = MakeSquare(settings, /*check=*/true);
  EXPECT_THAT(checked->Train(),
              StatusIs(absl::StatusCode::kAborted,
                       "at step 2: node \"square\" (Mul): made 4 infinities in the forward pass, "
                       "the first at [0,0]; it read \"y\" from -2e+30 to -2e+30 and \"y\" from "
                       "-2e+30 to -2e+30"));
  EXPECT_EQ(WeightOf(*checked), -2e30f);
}

// 1 - 2 * 3e38 is beyond float.
TEST(TrainerNumericsTest, AnUpdateThatOverflowsIsNamedAndTheWeightsAreThoseBeforeIt) {
  const std::string settings = R"(loss: "loss" optimizer { sgd { learning_rate: 3e38 } })";
  const auto checked = MakeSquare(settings, /*check=*/true);
  EXPECT_THAT(checked->Train(),
              StatusIs(absl::StatusCode::kAborted,
                       "at step 1: node \"optimizer/w/SgdUpdate\" (SgdUpdate): made 1 infinity in "
                       "the update, the first at [0]; it read variable \"w\" from 1 to 1 and "
                       "\"gradients/w\" from 2 to 2 and \"optimizer/w/Cast\" from 3e+38 to 3e+38"));
  EXPECT_EQ(checked->step(), 0);
  EXPECT_EQ(WeightOf(*checked), 1);
  // Without the check it is seen a step later.
  const auto plain = MakeSquare(settings, /*check=*/false);
  EXPECT_THAT(plain->Train(),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("loss is not finite at step 2")));
}

TEST(TrainerNumericsTest, TheLogarithmOfZeroIsNamed) {
  const std::string settings = R"(loss: "log_loss" optimizer { sgd { learning_rate: 0.1 } })";
  EXPECT_THAT(MakeSquare(settings, /*check=*/true, /*x=*/0)->Train(),
              StatusIs(absl::StatusCode::kAborted,
                       "at step 1: node \"logarithm\" (Log): made 4 infinities in the forward "
                       "pass, the first at [0,0]; it read \"square\" from 0 to 0"));
}

TEST(TrainerNumericsTest, ANanInTheDataIsNamed) {
  const std::string settings = R"(loss: "loss" optimizer { sgd { learning_rate: 0.1 } })";
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(MakeSquare(settings, /*check=*/true, nan)->Train(),
              StatusIs(absl::StatusCode::kAborted,
                       "at step 1: node \"y\" (Mul): read 4 NaN from input \"x\", the first at "
                       "[0,0]"));
}

TEST(TrainerNumericsTest, TheCheckpointsBeforeItStayAndAreReplayedToIt) {
  const std::string folder = testing::TempDir() + "/trainer_numerics_test";
  std::filesystem::remove_all(folder);
  // Each step takes w to (1 - 2e8) w; after the third its square is beyond float.
  const std::string settings = R"(loss: "loss" optimizer { sgd { learning_rate: 1e8 } })";
  auto run = MakeSquare(settings, /*check=*/false);
  CheckpointOptions options;
  options.folder = folder;
  options.every_steps = 1;
  options.keep_last = 9;
  ASSERT_THAT(run->KeepCheckpoints(options), IsOk());
  const absl::Status stopped = run->Train();
  EXPECT_THAT(stopped, StatusIs(absl::StatusCode::kAborted, HasSubstr("not finite at step 4")));
  const float w = WeightOf(*run);
  run.reset();
  EXPECT_THAT(*StepsOfCheckpoints(folder), testing::ElementsAre(1, 2, 3));
  absl::StatusOr<Checkpoint> newest = LoadNewestCheckpoint(folder, [](const absl::Status&) {});
  ASSERT_THAT(newest, IsOk());
  const auto replayed = MakeSquare(settings, /*check=*/true);
  ASSERT_THAT(replayed->Resume(*newest), IsOk());
  EXPECT_THAT(replayed->Train(), StatusIs(absl::StatusCode::kAborted, HasSubstr("at step 4: ")));
  EXPECT_EQ(WeightOf(*replayed), w);
}

}  // namespace
}  // namespace flowgrad
