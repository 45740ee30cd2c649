// The examples that take seconds to train, in full.

#include <cmath>
#include <string>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "training/trainer.h"

namespace flowgrad {
namespace {

// The first metric of this name after a run of `model`, which must take less than `seconds`.
double MetricAfterRun(const std::string& model, const TrainerOptions& options,
                      const std::string& metric, double seconds) {
  const auto trainer = Trainer::Open(model, options);
  EXPECT_THAT(trainer, IsOk());
  if (!trainer.ok()) return std::nan("");
  EXPECT_THAT((*trainer)->Train(), IsOk());
  EXPECT_LT(absl::ToDoubleSeconds((*trainer)->training_time()), seconds);
  for (const MetricResult& result : (*trainer)->metrics()) {
    if (result.name == metric) return result.value;
  }
  return std::nan("");
}

class FlagshipTest : public testing::TestWithParam<uint64_t> {};

TEST_P(FlagshipTest, GetsAccuracyOf88PercentInAMinute) {
  TrainerOptions options;
  options.seed = GetParam();
  EXPECT_GE(MetricAfterRun("examples/fashion_mnist/mlp.pbtxt", options, "accuracy", 60), 0.88);
}

INSTANTIATE_TEST_SUITE_P(Seeds, FlagshipTest, testing::Values(1, 2, 3));

TEST(CharactersTest, ReachTheLossOfTheirPageInAMinute) {
  TrainerOptions options;
  options.data = "/usr/share/common-licenses";
  EXPECT_LT(MetricAfterRun("examples/characters/characters.pbtxt", options, "loss", 60), 1.45);
}

}  // namespace
}  // namespace flowgrad
