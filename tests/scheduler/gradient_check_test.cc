#include "scheduler/gradient_check.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph_builder.h"
#include "gtest/gtest.h"
#include "ops/functions.h"
#include "ops/op_registry.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<GradientCheck> Check(GraphBuilder&& builder, const std::vector<std::string>& ys,
                                    const TensorMap& feeds = {},
                                    const OpRegistry& registry = BuiltinOps()) {
  const absl::StatusOr<Graph> graph = std::move(builder).Build();
  if (!graph.ok()) return graph.status();
  absl::StatusOr<TensorMap> states = InitializeStates(*graph, 1);
  if (!states.ok()) return states.status();
  return GradientCheck::Make(*graph, ys, feeds, *states, GradientCheck::Options(), registry);
}

Initializer Values(std::vector<float> values) {
  const int64_t count = static_cast<int64_t>(values.size());
  return Given(Tensor::Of<float>({count}, values));
}

TEST(GradientCheckTest, AgreesWithRightGradientsOfParametersAndInputs) {
  GraphBuilder g;
  const Value x = g.Input("x", "float[N,3]");
  const Value w = g.Parameter("w", "float[3,2]", GlorotUniform());
  const Value frozen = g.Parameter("frozen", "float[2]", Uniform(-1, 1), /*frozen=*/true);
  g.Output(Call("Tanh", {MatMul(x, w) + frozen}).As("y"));
  const Tensor data = Tensor::Of<float>({2, 3}, std::vector<float>{1, -2, 0.5, 3, 0.25, -1});
  const auto check = Check(std::move(g), {"y"}, {{"x", data}});
  ASSERT_THAT(check, IsOk());
  const GradientResult& result = check->result();
  EXPECT_TRUE(result.ok());
  ASSERT_EQ(result.tensors.size(), 3);
  EXPECT_EQ(result.tensors[0].name, "w");
  EXPECT_EQ(result.tensors[1].name, "frozen");
  EXPECT_EQ(result.tensors[2].name, "x");
  EXPECT_EQ(result.num_checked, 6 + 2 + 6);
  EXPECT_EQ(result.num_kinks, 0);
}

TEST(GradientCheckTest, GivesTheDerivativeOfAnElement) {
  GraphBuilder g;
  const Value w = g.Parameter("w", "float[2]", Values({3, 0}));
  g.Output(Call("ReduceSum", {w * w}, {{"keepdims", 0}}).As("y"));
  const auto check = Check(std::move(g), {"y"});
  ASSERT_THAT(check, IsOk());
  const TensorGradients& t = check->result().tensors[0];
  EXPECT_EQ(t.num_checked, 2);
  EXPECT_TRUE(t.ok());
  EXPECT_NEAR(t.analytic, t.worst_element == 0 ? 6 : 0, 1e-12);
}

TEST(GradientCheckTest, LooksAtTwoHundredElementsOfALargeTensor) {
  GraphBuilder g;
  const Value w = g.Parameter("w", "float[300]", Uniform(-1, 1));
  g.Output(Call("ReduceSum", {Call("Exp", {w})}, {{"keepdims", 0}}).As("y"));
  const auto check = Check(std::move(g), {"y"});
  ASSERT_THAT(check, IsOk());
  EXPECT_EQ(check->result().num_checked, 200);
}

// x·|x|, whose gradient says |x| instead of 2|x|, or is off by a factor.
absl::Status WrongSquareGradient(GradientContext& context) {
  const Value x = context.input(0);
  context.set_input_gradient(0, context.output_gradient() * Call("Abs", {x}) * 2.00002);
  return absl::OkStatus();
}

TEST(GradientCheckTest, SeesThatTheRuleOfAUsersOpIsOffByAHundredThousandth) {
  OpRegistry registry;
  RegisterBuiltinOps(registry);
  registry.Add(OpDef("SignedSquare", {"x"}, {"y"})
                   .Doc("x times |x|.", "%0|%0|")
                   .Elementwise(FloatTypes(), []<class T>(T x) { return x < 0 ? -x * x : x * x; })
                   .Gradient(WrongSquareGradient));
  ASSERT_THAT(registry.status(), IsOk());
  GraphBuilder g(registry);
  const Value w = g.Parameter("w", "float[3]", Values({1, -2, 3}));
  g.Output(Call("SignedSquare", {w}).As("y"));
  const auto check = Check(std::move(g), {"y"}, {}, registry);
  ASSERT_THAT(check, IsOk());
  EXPECT_FALSE(check->result().ok());
  EXPECT_EQ(check->result().num_kinks, 0);
  const TensorGradients& t = check->result().tensors[0];
  EXPECT_FALSE(t.ok());
  EXPECT_NEAR(t.analytic / t.numeric, 1.00001, 1e-8);
}

TEST(GradientCheckTest, LeavesOutAnElementOnAKink) {
  std::vector<float> values;
  for (int i = 0; i < 40; ++i) values.push_back(i == 7 ? 0.0f : 0.1f * (i + 1));
  GraphBuilder g;
  const Value w = g.Parameter("w", "float[40]", Values(values));
  g.Output(Call("Relu", {w}).As("y"));
  const auto check = Check(std::move(g), {"y"});
  ASSERT_THAT(check, IsOk());
  EXPECT_EQ(check->result().num_kinks, 1);
  EXPECT_EQ(check->result().num_checked, 39);
  EXPECT_TRUE(check->result().ok());
}

TEST(GradientCheckTest, FindsKinksAnywhereWithinTheStep) {
  // Kinks at fractions of the step 1e-5 beside x = 0, those included at which one of the two tests
  // is blind.
  for (const double fraction : {0.0, 0.1, 0.2, 0.25, 1.0 / 3, 0.5, 0.7, 0.9}) {
    std::vector<float> values(20, 1.0f);
    values[3] = static_cast<float>(-fraction * 1e-5);
    GraphBuilder g;
    const Value w = g.Parameter("w", "float[20]", Values(values));
    g.Output((Call("Relu", {w}) + w * w).As("y"));
    const auto check = Check(std::move(g), {"y"});
    ASSERT_THAT(check, IsOk());
    EXPECT_EQ(check->result().num_kinks, 1) << fraction;
    EXPECT_TRUE(check->result().ok()) << fraction;
  }
}

TEST(GradientCheckTest, FailsWhenMoreThanATwentiethIsOnKinks) {
  GraphBuilder g;
  const Value w = g.Parameter("w", "float[19]", Zeros());
  g.Output(Call("Relu", {w}).As("y"));
  const auto check = Check(std::move(g), {"y"});
  ASSERT_THAT(check, IsOk());
  EXPECT_EQ(check->result().num_kinks, 19);
  EXPECT_TRUE(check->result().too_many_kinks());
  EXPECT_FALSE(check->result().ok());
}

TEST(GradientCheckTest, TakesADropoutsNumbersAsFixed) {
  GraphBuilder g;
  const Value w = g.Parameter("w", "float[50]", Uniform(-1, 1));
  const Value on = g.Constant(Tensor::Scalar<bool>(true));
  g.Output(Call("Dropout", {w, g.Scalar(DType::kFloat, 0.5), on}).As("y"));
  const auto check = Check(std::move(g), {"y"});
  ASSERT_THAT(check, IsOk());
  EXPECT_TRUE(check->result().ok());
  EXPECT_EQ(check->result().num_kinks, 0);
}

TEST(GradientCheckTest, NamesTheNodeThatHasNoGradient) {
  GraphBuilder g;
  const Value w = g.Parameter("w", "float[3]", Uniform(-1, 1));
  g.Output(Call("Cast", {Call("ArgMax", {w})}, {{"to", "float"}}).As("y"));
  const auto check = Check(std::move(g), {"y"});
  ASSERT_THAT(check, IsOk()) << "nothing flows through integers";
  EXPECT_EQ(check->result().tensors[0].analytic, 0);
}

MutationOutcome Try(const GradientCheck& check, GradientMutation::Kind kind, const char* op) {
  GradientMutation mutation;
  mutation.kind = kind;
  mutation.op = op;
  return check.TryMutation(mutation);
}

TEST(GradientCheckTest, NoticesMistakesOfEveryKind) {
  using Kind = GradientMutation::Kind;
  GraphBuilder g;
  const Value x = g.Parameter("x", "float[4,3]", Uniform(-1, 1));
  const Value w = g.Parameter("w", "float[3,3]", Uniform(-1, 1));
  const Value b = g.Parameter("b", "float[3]", Uniform(-1, 1));
  const Value h = Call("Tanh", {Call("Add", {MatMul(x, w), b})});
  g.Output((h * h).As("y"));
  const auto check = Check(std::move(g), {"y"});
  ASSERT_THAT(check, IsOk());
  EXPECT_TRUE(check->result().ok());
  EXPECT_THAT(check->MutableOps(), ElementsAre("Add", "MatMul", "Mul", "Tanh"));
  EXPECT_EQ(Try(*check, Kind::kSign, "Tanh"), MutationOutcome::kNoticed);
  EXPECT_EQ(Try(*check, Kind::kFactor, "MatMul"), MutationOutcome::kNoticed);
  EXPECT_EQ(Try(*check, Kind::kSmallFactor, "Add"), MutationOutcome::kNoticed);
  EXPECT_EQ(Try(*check, Kind::kNoTranspose, "MatMul"), MutationOutcome::kNoticed);
  EXPECT_EQ(Try(*check, Kind::kNoBroadcastSum, "Add"), MutationOutcome::kNoticed);
  EXPECT_EQ(Try(*check, Kind::kLostTerm, "Tanh"), MutationOutcome::kNoticed);
  EXPECT_EQ(Try(*check, Kind::kStaleValue, "Tanh"), MutationOutcome::kNoticed);
}

TEST(GradientCheckTest, AMistakeThatChangesNothingHasNoEffect) {
  using Kind = GradientMutation::Kind;
  GraphBuilder g;
  const Value w = g.Parameter("w", "float[3]", Uniform(-1, 1));
  g.Output(Call("Tanh", {w}).As("y"));
  const auto check = Check(std::move(g), {"y"});
  ASSERT_THAT(check, IsOk());
  EXPECT_EQ(Try(*check, Kind::kSign, "Relu"), MutationOutcome::kNoEffect);
  EXPECT_EQ(Try(*check, Kind::kNoTranspose, "Tanh"), MutationOutcome::kNoEffect);
}

}  // namespace
}  // namespace flowgrad
