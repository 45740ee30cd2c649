// What the trained examples say of themselves is so: each is trained and measured.

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "training/trainer.h"
#include "training/weights_hash.h"

namespace flowgrad {
namespace {

// A model of examples/ after its run; null, and the test fails, where there is an error.
std::unique_ptr<Trainer> Trained(const std::string& model, const TrainerOptions& options = {}) {
  auto trainer = Trainer::Open(absl::StrCat("examples/", model), options);
  EXPECT_THAT(trainer, IsOk());
  if (!trainer.ok()) return nullptr;
  const absl::Status status = (*trainer)->Train();
  EXPECT_THAT(status, IsOk());
  return status.ok() ? *std::move(trainer) : nullptr;
}

// One of the metrics on the test part; NaN, and the test fails, if there is none of that name.
double Measured(const Trainer* trainer, const std::string& metric) {
  if (trainer != nullptr) {
    for (const MetricResult& result : trainer->metrics()) {
      if (result.name == metric) return result.value;
    }
  }
  ADD_FAILURE() << "no " << metric;
  return std::nan("");
}

TrainerOptions Seed(uint64_t seed) {
  TrainerOptions options;
  options.seed = seed;
  return options;
}

TEST(Modulo3Test, GetsAllNumbersRightWithEverySeed) {
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const auto trainer = Trained("modulo3/modulo3.pbtxt", Seed(seed));
    EXPECT_EQ(Measured(trainer.get(), "accuracy"), 1) << "seed " << seed;
  }
}

TEST(TicTacToeTest, GetsAllBoardsRightAfterSomeTensOfThousandsOfSamples) {
  for (uint64_t seed = 0; seed < 3; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    const auto trainer = Trained("tic_tac_toe/tic_tac_toe.pbtxt", Seed(seed));
    EXPECT_EQ(Measured(trainer.get(), "accuracy"), 1);
    ASSERT_NE(trainer, nullptr);
    ASSERT_EQ(trainer->history().metrics(), std::vector<std::string>{"accuracy"});
    int64_t first = 0;  // samples until all boards are right
    for (const HistoryRow& row : trainer->history().rows()) {
      if (first == 0 && row.metrics[0] == 1.0) first = row.step;
    }
    EXPECT_GT(first, 10000);
    EXPECT_LT(first, 40000);
  }
}

TEST(FirstAssignmentTest, ReachesTheAccuracyThatACourseExpects) {
  const auto accuracy = [](const char* model) {
    return Measured(Trained(absl::StrCat("fashion_mnist/", model)).get(), "accuracy");
  };
  EXPECT_GE(accuracy("linear_softmax.pbtxt"), 0.81);
  EXPECT_GE(accuracy("linear_svm.pbtxt"), 0.81);
  EXPECT_GE(accuracy("two_layer.pbtxt"), 0.82);
}

// Least squares, the best linear function, has an R2 of 0.513 and a mean absolute error of 43.8.
TEST(DiabetesTest, IsNearerThanTheBestLinearFunctionWithEverySeed) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    const auto trainer = Trained("diabetes/diabetes.pbtxt", Seed(seed));
    EXPECT_GT(Measured(trainer.get(), "r2"), 0.53) << "seed " << seed;
    EXPECT_LT(Measured(trainer.get(), "mean_absolute_error"), 43.5) << "seed " << seed;
  }
}

TEST(IrisTest, MistakesAtMostTwoFlowersOfTheTestPart) {
  const auto trainer = Trained("iris/iris.pbtxt");
  EXPECT_GE(Measured(trainer.get(), "accuracy"), 46.0 / 48);
  ASSERT_NE(trainer, nullptr);
  std::string table;
  for (const MetricResult& result : trainer->metrics()) table += result.table;
  for (const char* species : {"setosa", "versicolor", "virginica"}) {
    EXPECT_THAT(table, testing::HasSubstr(species));
  }
}

TEST(CharactersTest, KnowMoreThanPairsOfCharactersAfterAShortRun) {
  TrainerOptions options;
  options.data = "/usr/share/common-licenses";
  options.steps = 500;
  const auto trainer = Trained("characters/characters.pbtxt", options);
  EXPECT_LT(Measured(trainer.get(), "loss"), 2.0);  // pairs: 2.42 nats per character
}

// Dropout, clipping and AdamW included.
TEST(CharactersTest, HaveTheSameWeightsWithAnyNumberOfThreads) {
  TrainerOptions options;
  options.data = "/usr/share/common-licenses";
  options.steps = 50;
  std::string first;
  for (const int threads : {1, 2, 3, 8}) {
    options.threads = threads;
    const auto trainer = Trained("characters/characters.pbtxt", options);
    ASSERT_NE(trainer, nullptr);
    const std::string hash = WeightsHash(trainer->Weights());
    if (first.empty()) first = hash;
    EXPECT_EQ(hash, first) << threads << " threads";
  }
}

}  // namespace
}  // namespace flowgrad
