// An op that a user registers is an op like any other.

#include <cmath>
#include <utility>
#include <vector>

#include "examples/user_op/swish.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

class UserOpTest : public testing::Test {
 protected:
  void SetUp() override {
    RegisterBuiltinOps(registry_);
    RegisterSwish(registry_);
    ASSERT_THAT(registry_.status(), IsOk());
    absl::StatusOr<Graph> graph = ReadGraph("examples/user_op/swish.pbtxt", registry_);
    ASSERT_THAT(graph, IsOk());
    graph_ = *std::move(graph);
    absl::StatusOr<TensorMap> states = InitializeStates(graph_, /*seed=*/1);
    ASSERT_THAT(states, IsOk());
    states_ = *std::move(states);
  }

  OpRegistry registry_;
  Graph graph_;
  TensorMap states_;
};

TEST_F(UserOpTest, ComputesWhatItSays) {
  const absl::StatusOr<std::vector<Tensor>> run = ReferenceRun(graph_, {}, states_, {"z", "y"}, {});
  ASSERT_THAT(run, IsOk());
  for (int i = 0; i < 4; ++i) {
    const double z = (*run)[0].at(i);
    EXPECT_NEAR((*run)[1].at(i), z / (1 + std::exp(-z)), 1e-6);
  }
}

TEST_F(UserOpTest, HasTheGradientThatDifferencesHave) {
  const absl::StatusOr<GradientCheck> check =
      GradientCheck::Make(graph_, {"y"}, {}, states_, {}, registry_);
  ASSERT_THAT(check, IsOk());
  EXPECT_TRUE(check->result().ok());
  EXPECT_EQ(check->result().num_checked, 12);
  GradientMutation mutation;
  mutation.kind = GradientMutation::Kind::kSmallFactor;
  mutation.op = "Swish";
  EXPECT_EQ(check->TryMutation(mutation), MutationOutcome::kNoticed);
}

TEST(UserOpErrorTest, AModelWithAnOpThatNobodyRegisteredIsRefused) {
  EXPECT_THAT(ReadGraph("examples/user_op/swish.pbtxt"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       testing::HasSubstr("op \"Swish\" is not registered")));
}

}  // namespace
}  // namespace flowgrad
