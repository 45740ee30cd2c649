#include "scheduler/reference_run.h"

#include "gmock/gmock.h"
#include "graph/graph_text.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

Graph Parsed(absl::string_view text) {
  absl::StatusOr<Graph> graph = ParseGraphText(text);
  EXPECT_THAT(graph, IsOk());
  return graph.ok() ? *std::move(graph) : Graph();
}

Tensor Floats(absl::Span<const int64_t> dims, std::vector<float> values) {
  return Tensor::Of<float>(dims, absl::MakeConstSpan(values));
}

// y = 2x counts its runs in n.
constexpr absl::string_view kCounter =
    "input x: float[N]\n"
    "variable n: int64[] = zeros\n"
    "one = Constant() {value=int64[]{1}}\n"
    "next = Add(n, one)\n"
    "y = Add(x, x)\n"
    "update n = next\n"
    "output y\n";

TEST(ReferenceRunTest, GivesOutputsAndAnyOtherValueByName) {
  const Graph graph = Parsed(kCounter);
  absl::StatusOr<TensorMap> states = InitializeStates(graph, 1);
  ASSERT_THAT(states, IsOk());
  const TensorMap feeds = {{"x", Floats({2}, {1, 3})}};
  const auto run = ReferenceRun(graph, feeds, *states, {"y", "next"}, StepValues());
  ASSERT_THAT(run, IsOk());
  EXPECT_EQ((*run)[0].at(1), 6);
  EXPECT_EQ((*run)[1].at(0), 1);
  EXPECT_EQ((*states)["n"].at(0), 0) << "states change only when asked for";
}

TEST(ReferenceRunTest, TakesTheNextValuesOfStates) {
  const Graph graph = Parsed(kCounter);
  absl::StatusOr<TensorMap> states = InitializeStates(graph, 1);
  ASSERT_THAT(states, IsOk());
  const TensorMap feeds = {{"x", Floats({2}, {1, 3})}};
  for (int i = 0; i < 3; ++i) {
    ASSERT_THAT(ReferenceRun(graph, feeds, *states, {}, StepValues(), true), IsOk());
  }
  EXPECT_EQ((*states)["n"].at(0), 3);
}

TEST(ReferenceRunTest, AFailedRunLeavesStatesAsTheyWere) {
  const Graph graph = Parsed(
      "input labels: int64[N]\n"
      "input scores: float[N,3]\n"
      "variable n: int64[] = zeros\n"
      "one = Constant() {value=int64[]{1}}\n"
      "next = Add(n, one)\n"
      "picked = PickLabel(scores, labels)\n"
      "update n = next\n"
      "output picked\n");
  absl::StatusOr<TensorMap> states = InitializeStates(graph, 1);
  ASSERT_THAT(states, IsOk());
  const std::vector<int64_t> labels = {0, 3};
  const TensorMap feeds = {{"labels", Tensor::Of<int64_t>({2}, absl::MakeConstSpan(labels))},
                           {"scores", Tensor::Filled(DType::kFloat, {2, 3}, 0)}};
  EXPECT_THAT(ReferenceRun(graph, feeds, *states, {"picked"}, StepValues(), true),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       ::testing::HasSubstr("node \"picked\" (PickLabel): ")));
  EXPECT_EQ((*states)["n"].at(0), 0);
}

TEST(ReferenceRunTest, RefusesFeedsThatDoNotFit) {
  const Graph graph = Parsed(
      "input a: float[N,2]\n"
      "input b: float[N]\n"
      "s = ReduceSum(a) {keepdims=0}\n"
      "t = ReduceSum(b) {keepdims=0}\n"
      "output s\n"
      "output t\n");
  TensorMap states;
  const Tensor a = Tensor::Filled(DType::kFloat, {3, 2}, 1);
  const auto error_of = [&](const TensorMap& feeds) {
    return ReferenceRun(graph, feeds, states, {"s", "t"}, StepValues());
  };
  EXPECT_THAT(error_of({{"a", a}, {"b", Floats({2}, {1, 2})}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "input \"b\" is float[2]: N is 2 here and 3 elsewhere"));
  EXPECT_THAT(error_of({{"a", Floats({2}, {1, 2})}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "input \"a\" must be float[N,2], but is float[2]"));
  EXPECT_THAT(
      error_of({{"a", a}, {"c", a}}),
      StatusIs(absl::StatusCode::kNotFound, ::testing::HasSubstr("no input is named \"c\"")));
  EXPECT_THAT(error_of({{"a", a}}),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("node \"b\"")));
}

TEST(ReferenceRunTest, NamesTheNearestValueOfAFetchThatIsNone) {
  const Graph graph = Parsed("input logits: float[2]\noutput logits\n");
  TensorMap states;
  EXPECT_THAT(ReferenceRun(graph, {}, states, {"logit"}, StepValues()),
              StatusIs(absl::StatusCode::kNotFound,
                       "no value is named \"logit\"; did you mean \"logits\"?"));
}

}  // namespace
}  // namespace flowgrad
