#include "graph/autodiff.h"

#include "gmock/gmock.h"
#include "graph/graph_text.h"
#include "gtest/gtest.h"
#include "ops/functions.h"
#include "scheduler/reference_run.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Graph Parsed(absl::string_view text) {
  absl::StatusOr<Graph> graph = ParseGraphText(text);
  EXPECT_THAT(graph, IsOk());
  return graph.ok() ? *std::move(graph) : Graph();
}

Tensor Vector(std::vector<double> values) {
  return Tensor::Of<double>({static_cast<int64_t>(values.size())}, absl::MakeConstSpan(values));
}

std::vector<double> RunFor(const Graph& graph, const TensorMap& feeds, const std::string& fetch) {
  TensorMap states;
  const auto run = ReferenceRun(graph, feeds, states, {fetch}, StepValues());
  EXPECT_THAT(run, IsOk());
  std::vector<double> values;
  if (!run.ok()) return values;
  for (int64_t i = 0; i < (*run)[0].num_elements(); ++i) values.push_back((*run)[0].at(i));
  return values;
}

TEST(AutodiffTest, AppendsTheBackwardGraphAndNamesWhereItCameFrom) {
  const Graph graph = Parsed(
      "input x: double[2]\n"
      "z = Tanh(x)\n"
      "output z\n");
  const absl::StatusOr<Graph> gradients =
      Differentiate(graph, "z", GradientTargets::kInputs, "upstream");
  ASSERT_THAT(gradients, IsOk());
  TextOptions options;
  options.origins = true;
  const std::string text = GraphText(*gradients, options);
  EXPECT_THAT(text, HasSubstr("gradients/z = Identity(upstream): double[2]"));
  EXPECT_THAT(text, HasSubstr("  # Tanh of z\n"));
  EXPECT_THAT(text, HasSubstr("gradient x = gradients/x\n"));
}

TEST(AutodiffTest, IsAVectorJacobianProductForAnyUpstreamGradient) {
  const Graph graph = Parsed(
      "input x: double[3]\n"
      "y = Mul(x, x)\n"
      "output y\n");
  const absl::StatusOr<Graph> gradients = Differentiate(graph, "y", GradientTargets::kInputs, "u");
  ASSERT_THAT(gradients, IsOk());
  const TensorMap feeds = {{"x", Vector({1, 2, 3})}, {"u", Vector({10, 0, -1})}};
  EXPECT_THAT(RunFor(*gradients, feeds, "gradients/x"), ElementsAre(20, 0, -6));
}

TEST(AutodiffTest, SumsGradientsOfAValueUsedTwiceInOrderOfTheReadersNames) {
  const Graph graph = Parsed(
      "input x: double[]\n"
      "b = Exp(x)\n"
      "a = Tanh(x)\n"
      "y = Add(b, a)\n"
      "output y\n");
  const absl::StatusOr<Graph> gradients = Differentiate(graph, "y", GradientTargets::kInputs);
  ASSERT_THAT(gradients, IsOk());
  const ValueId sum = gradients->Find("gradients/x");
  ASSERT_TRUE(sum.present());
  const Node& node = gradients->node(sum);
  EXPECT_EQ(node.op->name(), "Sum");
  ASSERT_EQ(node.inputs.size(), 2u);
  EXPECT_EQ(gradients->node(node.inputs[0]).forward, "a");
  EXPECT_EQ(gradients->node(node.inputs[1]).forward, "b");
}

TEST(AutodiffTest, DoesNotVisitNodesTheLossDoesNotNeed) {
  const Graph graph = Parsed(
      "input x: double[]\n"
      "input c: double[]\n"
      "y = Mul(x, c)\n"
      "other = Exp(x)\n"
      "output y\n"
      "output other\n");
  GraphBuilder builder(graph);
  const std::vector<Value> gradients = Gradients(builder, {builder.Find("y")}, {builder.Find("x")});
  ASSERT_TRUE(gradients[0]);
  EXPECT_FALSE(builder.Find("gradients/c"));
  EXPECT_FALSE(builder.Find("gradients/other"));
}

TEST(AutodiffTest, LeavesTheGradientOfAnUnconnectedValueAbsent) {
  GraphBuilder g;
  const Value x = g.Input("x", "double[]"), unused = g.Input("unused", "double[]");
  const std::vector<Value> gradients = Gradients(g, {Exp(x)}, {x, unused});
  EXPECT_TRUE(gradients[0]);
  EXPECT_FALSE(gradients[1]);
  EXPECT_TRUE(g.ok());
}

TEST(AutodiffTest, RefusesAnOpWithoutAGradientByName) {
  GraphBuilder g;
  const Value w = g.Parameter("w", "double[2]", Zeros());
  const Value stepped = Call("SgdUpdate", {w, w, g.Scalar(DType::kDouble, 1)}).As("stepped");
  Gradients(g, {ReduceSum(stepped, {0}, false)}, {w});
  EXPECT_THAT(std::move(g).Build(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "node \"stepped\" (SgdUpdate): gradient by \"w\" was asked for, but the op "
                       "has none: updates are not differentiated"));
}

TEST(AutodiffTest, RefusesToDifferentiateIntegers) {
  GraphBuilder g;
  const Value n = g.Input("n", "int64[]");
  Gradients(g, {(n + n).As("m")}, {n});
  EXPECT_THAT(
      std::move(g).Build(),
      StatusIs(absl::StatusCode::kInvalidArgument,
               "gradient of \"m\": must be float or double to be differentiated, but is int64[]"));
}

TEST(AutodiffTest, GradientsHaveGradients) {
  // d²/dx² tanh(x) = -2 tanh(x) (1 - tanh²(x)), at 0.5.
  GraphBuilder g;
  const Value x = g.Input("x", "double[]", Tensor::Scalar(0.5));
  const Value y = Tanh(x).As("y");
  const Value dy = Gradients(g, {y}, {x})[0];
  const Value second = Gradients(g, {dy}, {x})[0];
  g.Output(second, "second");
  const absl::StatusOr<Graph> graph = std::move(g).Build();
  ASSERT_THAT(graph, IsOk());
  const double t = 0.46211715726000973;  // tanh(0.5)
  const std::vector<double> value = RunFor(*graph, {}, "second");
  ASSERT_EQ(value.size(), 1u);
  EXPECT_NEAR(value[0], -2 * t * (1 - t * t), 1e-14);
}

TEST(AutodiffTest, KeepsTheBatchSymbolic) {
  const Graph graph = Parsed(
      "input x: double[N,2]\n"
      "parameter b: double[2] = zeros\n"
      "s = Add(x, b)\n"
      "loss = ReduceMean(s) {keepdims=0}\n"
      "output loss\n");
  const absl::StatusOr<Graph> gradients =
      Differentiate(graph, "loss", GradientTargets::kParameters);
  ASSERT_THAT(gradients, IsOk());
  TensorMap states = {{"b", Vector({0, 0})}};
  for (const int64_t rows : {1, 5}) {
    const TensorMap feeds = {{"x", Tensor::Filled(DType::kDouble, {rows, 2}, 1)}};
    const auto run = ReferenceRun(*gradients, feeds, states, {"gradients/b"}, StepValues());
    ASSERT_THAT(run, IsOk());
    EXPECT_DOUBLE_EQ((*run)[0].at(0), 0.5);
  }
}

TEST(AutodiffTest, AMutationChangesTheGradient) {
  const Graph graph = Parsed(
      "input x: double[]\n"
      "y = Exp(x)\n"
      "output y\n");
  GradientMutation mutation{GradientMutation::Kind::kSign, "Exp"};
  const absl::StatusOr<Graph> wrong =
      Differentiate(graph, "y", GradientTargets::kInputs, "", &mutation);
  ASSERT_THAT(wrong, IsOk());
  EXPECT_EQ(mutation.applied, 1);
  EXPECT_THAT(RunFor(*wrong, {{"x", Tensor::Scalar(0.0)}}, "gradients/x"), ElementsAre(-1));
}

}  // namespace
}  // namespace flowgrad
