// Any legal plan gives the bits of the reference run: cuts, tasks, order, sharing of memory drawn
// at random, on any number of threads. Each plan is also put to CheckPlan().

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "scheduler/plan_options.h"
#include "tests/scheduler/planned_graphs.h"

namespace flowgrad {
namespace {

class RandomPlansTest : public testing::TestWithParam<PlannedGraph> {};

TEST_P(RandomPlansTest, ThePlanGivesTheBitsOfTheReferenceRun) {
  for (const int threads : {1, 2, 5}) {
    EXPECT_EQ(DifferenceFromReference(GetParam(), 3, PlanOptions(), threads), "")
        << threads << " threads";
  }
}

// So that graphs as small as these become many tasks.
TEST_P(RandomPlansTest, SoDoesThePlanOfTheSmallestTasks) {
  PlanOptions options;
  options.task_ns = options.piece_ns = 10;
  options.serial_ns = 0;
  options.min_rows = 1;
  for (const int threads : {1, 2, 3, 5, 8}) {
    EXPECT_EQ(DifferenceFromReference(GetParam(), 3, options, threads), "")
        << threads << " threads";
  }
}

TEST_P(RandomPlansTest, SoDoesAnyLegalPlan) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    PlanOptions options;
    options.random_seed = seed;
    options.pack = seed % 2 == 0;
    options.in_place = seed / 2 % 2 == 0;
    options.local = seed / 4 % 2 == 0;
    options.reuse = seed / 8 % 2 == 0;
    options.fuse = seed % 3 != 0;
    options.merge = seed % 5 != 0;
    options.cache = seed % 7 != 0;
    EXPECT_EQ(DifferenceFromReference(GetParam(), 2, options, 1 + static_cast<int>(seed % 4)), "")
        << "plan " << seed;
  }
}

TEST_P(RandomPlansTest, NoStepWritesPastItsBuffers) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    PlanOptions options;
    options.canaries = true;
    if (seed > 0) options.random_seed = seed;
    options.pack = seed % 3 != 1;
    options.local = seed / 4 % 2 == 0;
    options.reuse = seed / 8 % 2 == 0;
    options.fuse = seed % 5 != 1;
    EXPECT_EQ(DifferenceFromReference(GetParam(), 2, options, 1 + static_cast<int>(seed % 4)), "")
        << "plan " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(AllGraphs, RandomPlansTest, testing::ValuesIn(SmallGraphs()),
                         [](const testing::TestParamInfo<PlannedGraph>& info) {
                           return info.param.name;
                         });

}  // namespace
}  // namespace flowgrad
