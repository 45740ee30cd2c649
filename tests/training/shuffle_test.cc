#include "training/shuffle.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "gtest/gtest.h"

namespace flowgrad {
namespace {

std::vector<int64_t> Order(int64_t size, uint64_t seed, int64_t epoch) {
  const Shuffle shuffle(size, seed, epoch);
  std::vector<int64_t> order;
  for (int64_t k = 0; k < size; ++k) order.push_back(shuffle.Permuted(k));
  return order;
}

TEST(ShuffleTest, IsAPermutationOfAnySize) {
  for (const int64_t size : {1, 2, 3, 4, 5, 16, 17, 100, 1000, 60000}) {
    std::vector<int64_t> order = Order(size, 1, 0);
    std::sort(order.begin(), order.end());
    std::vector<int64_t> all(size);
    std::iota(all.begin(), all.end(), 0);
    EXPECT_EQ(order, all) << size;
  }
}

TEST(ShuffleTest, DiffersByEpochAndSeedAndRepeats) {
  EXPECT_EQ(Order(100, 1, 0), Order(100, 1, 0));
  EXPECT_NE(Order(100, 1, 0), Order(100, 1, 1));
  EXPECT_NE(Order(100, 1, 0), Order(100, 2, 0));
}

// A sample is as likely at any place: over many epochs the first place holds small and large
// numbers alike.
TEST(ShuffleTest, LeavesNoSampleAtItsPlace) {
  double mean = 0;
  int fixed = 0;
  for (int64_t epoch = 0; epoch < 1000; ++epoch) {
    const Shuffle shuffle(1000, 7, epoch);
    mean += static_cast<double>(shuffle.Permuted(0)) / 1000;
    fixed += shuffle.Permuted(epoch) == epoch;
  }
  EXPECT_NEAR(mean, 499.5, 4 * 288.7 / 31.6);  // four standard errors
  EXPECT_LT(fixed, 8);
}

}  // namespace
}  // namespace flowgrad
