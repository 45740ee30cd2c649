#include "training/schedule.h"

#include <cmath>

#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "proto/training.pb.h"

namespace flowgrad {
namespace {

Schedule Make(const char* text, double rate, int64_t num_steps, int64_t steps_per_epoch) {
  ScheduleDef def;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &def));
  return Schedule(def, rate, num_steps, steps_per_epoch);
}

TEST(ScheduleTest, IsConstantByDefault) {
  for (const char* text : {"", "constant {}"}) {
    const Schedule schedule = Make(text, 0.3, 10, 2);
    for (const int64_t step : {0, 5, 9, 1000}) EXPECT_EQ(schedule.Rate(step), 0.3);
  }
}

TEST(ScheduleTest, RisesInALineToTheRate) {
  const Schedule schedule = Make("warm_up: 4", 0.8, 10, 2);
  const double expected[] = {0.2, 0.4, 0.6, 0.8, 0.8, 0.8};
  for (int step = 0; step < 6; ++step) EXPECT_DOUBLE_EQ(schedule.Rate(step), expected[step]);
}

TEST(ScheduleTest, FollowsHalfACosineAndStaysAtItsEnd) {
  const Schedule schedule = Make("cosine { end: 0.1 }", 0.5, 4, 1);
  const double half_root = std::sqrt(2) / 2;
  const double expected[] = {0.5, 0.3 + 0.2 * half_root, 0.3, 0.3 - 0.2 * half_root, 0.1, 0.1};
  for (int step = 0; step < 6; ++step) EXPECT_DOUBLE_EQ(schedule.Rate(step), expected[step]);
}

TEST(ScheduleTest, ACosineAfterAWarmUpEndsWithTheRun) {
  const Schedule schedule = Make("cosine {} warm_up: 2", 0.5, 6, 1);
  const double expected[] = {0.25, 0.5, 0.5};
  for (int step = 0; step < 3; ++step) EXPECT_DOUBLE_EQ(schedule.Rate(step), expected[step]);
  EXPECT_DOUBLE_EQ(schedule.Rate(4), 0.25);
  EXPECT_EQ(schedule.Rate(6), 0);
}

TEST(ScheduleTest, FallsInSteps) {
  const Schedule schedule = Make("step { every: 1.5 factor: 0.5 }", 0.8, 12, 2);
  const double expected[] = {0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.2, 0.2};
  for (int step = 0; step < 8; ++step) EXPECT_DOUBLE_EQ(schedule.Rate(step), expected[step]);
  EXPECT_DOUBLE_EQ(Make("step { every: 1 }", 0.8, 12, 2).Rate(2), 0.08);
}

TEST(ScheduleTest, CountsAFractionOfAnEpochInWholeSteps) {
  // 1.1 * 10 is 11.000000000000002 in double, and 0.7 * 10 is 7 though 0.7 is below 7 / 10.
  for (const int64_t steps : {1, 3, 7, 11, 13, 21, 29}) {
    ScheduleDef def;
    def.mutable_step()->set_every(static_cast<double>(steps) / 10);
    const Schedule schedule(def, 1, 1000, /*steps_per_epoch=*/10);
    for (int64_t k = 1; k < 20; ++k) {
      EXPECT_DOUBLE_EQ(schedule.Rate(k * steps - 1), std::pow(0.1, k - 1)) << steps << " " << k;
      EXPECT_DOUBLE_EQ(schedule.Rate(k * steps), std::pow(0.1, k)) << steps << " " << k;
    }
  }
}

TEST(ScheduleTest, FallsByAFactorInAnEpoch) {
  const Schedule schedule = Make("exponential { factor: 0.25 } warm_up: 1", 0.8, 12, 2);
  const double expected[] = {0.8, 0.8, 0.4, 0.2, 0.1};
  for (int step = 0; step < 5; ++step) EXPECT_DOUBLE_EQ(schedule.Rate(step), expected[step]);
}

TEST(ScheduleTest, AWarmUpMayBeLongerThanTheRun) {
  const Schedule schedule = Make("cosine {} warm_up: 100", 1, 10, 1);
  EXPECT_DOUBLE_EQ(schedule.Rate(9), 0.1);
}

}  // namespace
}  // namespace flowgrad
