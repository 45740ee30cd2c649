#include "base/name_pattern.h"

#include "gtest/gtest.h"

namespace flowgrad {
namespace {

TEST(NamePatternTest, WithoutAStarIsTheNameItself) {
  EXPECT_TRUE(MatchesPattern("w1", "w1"));
  EXPECT_FALSE(MatchesPattern("w1", "w12"));
  EXPECT_FALSE(MatchesPattern("w1", "w"));
  EXPECT_TRUE(MatchesPattern("", ""));
  EXPECT_FALSE(MatchesPattern("", "w"));
}

TEST(NamePatternTest, AStarIsAnyTextSlashesIncluded) {
  EXPECT_TRUE(MatchesPattern("*", ""));
  EXPECT_TRUE(MatchesPattern("*", "a/b"));
  EXPECT_TRUE(MatchesPattern("a/*", "a/b/c"));
  EXPECT_FALSE(MatchesPattern("a/*", "a"));
  EXPECT_TRUE(MatchesPattern("*/w", "a/b/w"));
  EXPECT_FALSE(MatchesPattern("*/w", "a/b/w2"));
}

TEST(NamePatternTest, StarsGiveBackWhatTheyTook) {
  EXPECT_TRUE(MatchesPattern("a*b*c", "aXbXbXc"));
  EXPECT_TRUE(MatchesPattern("*ab", "aab"));
  EXPECT_FALSE(MatchesPattern("a*b*c", "aXcXb"));
  EXPECT_TRUE(MatchesPattern("**", "x"));
}

}  // namespace
}  // namespace flowgrad
