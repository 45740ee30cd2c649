// Gradients that stand in a file, beside those that differentiation derives.

#include "scheduler/written_gradients.h"

#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "graph/autodiff.h"
#include "graph/graph_text.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

using ::testing::SizeIs;

Graph GraphOf(absl::string_view text) {
  absl::StatusOr<Graph> graph = ParseGraphText(text);
  EXPECT_THAT(graph, IsOk());
  return graph.ok() ? *std::move(graph) : Graph();
}

absl::StatusOr<std::vector<WrittenGradient>> Compared(const Graph& graph, const std::string& y,
                                                      const TensorMap& feeds) {
  return CompareWrittenGradients(graph, {y}, feeds, {}, {});
}

TEST(WrittenGradientsTest, FindsTheElementThatIsWrong) {
  const Graph graph = GraphOf(R"(
    input x: float[3]
    y = Mul(x, x)
    two_x = Add(x, x)
    square = Mul(x, x)
    output y
    gradient x = two_x
    gradient x = square
  )");
  const auto gradients = Compared(graph, "y", {{"x", Tensor::Of<float>({3}, {2, 5, 0})}});
  ASSERT_THAT(gradients, IsOk());
  ASSERT_THAT(*gradients, SizeIs(2));
  EXPECT_TRUE((*gradients)[0].ok);
  EXPECT_FALSE((*gradients)[1].ok);
  EXPECT_EQ(WrongGradientText((*gradients)[1]),
            "gradient of \"x\" at [1] must be 10, but \"square\" in the file is 25");
}

TEST(WrittenGradientsTest, OfAValueThatYDoesNotDependOnIsZero) {
  const Graph graph = GraphOf(R"(
    input x: double[]
    input u: double[]
    y = Exp(x)
    du = Exp(x)
    output y
    gradient u = du
  )");
  const TensorMap feeds = {{"x", Tensor::Scalar(0.0)}, {"u", Tensor::Scalar(0.0)}};
  const auto gradients = Compared(graph, "y", feeds);
  ASSERT_THAT(gradients, IsOk());
  EXPECT_EQ(WrongGradientText((*gradients)[0]),
            "gradient of \"u\" must be 0, but \"du\" in the file is 1");
}

TEST(WrittenGradientsTest, NotANumberIsWrong) {
  const Graph graph = GraphOf(R"(
    input x: double[]
    y = Exp(x)
    dx = Log(x)
    output y
    gradient x = dx
  )");
  const auto gradients = Compared(graph, "y", {{"x", Tensor::Scalar(-1.0)}});
  ASSERT_THAT(gradients, IsOk());
  EXPECT_TRUE(std::isnan((*gradients)[0].written));
  EXPECT_FALSE((*gradients)[0].ok);
}

TEST(WrittenGradientsTest, AreOfWhatDifferentiationWasAskedFor) {
  const Graph graph = GraphOf(R"(
    input x: double[2]
    h = Tanh(x)
    y = Exp(h)
    output y
  )");
  const absl::StatusOr<Graph> backward = Differentiate(graph, "h", GradientTargets::kInputs);
  ASSERT_THAT(backward, IsOk());
  const auto gradients = Compared(*backward, "y", {{"x", Tensor::Of<double>({2}, {0.5, -1})}});
  ASSERT_THAT(gradients, IsOk());
  ASSERT_THAT(*gradients, SizeIs(1));
  EXPECT_TRUE((*gradients)[0].ok);
}

TEST(WrittenGradientsTest, MustHaveTheTypeOfTheirValue) {
  const Graph graph = GraphOf(R"(
    input x: double[2]
    y = Exp(x)
    sum = ReduceSum(y) {keepdims=0}
    output sum
    gradient x = sum
  )");
  EXPECT_THAT(Compared(graph, "sum", {{"x", Tensor::Of<double>({2}, {0, 1})}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "gradient of \"x\": must have the type double[2] of that value, but "
                       "\"sum\" has double[]"));
}

}  // namespace
}  // namespace flowgrad
