#include "graph/graph_builder.h"

#include "gmock/gmock.h"
#include "graph/graph_text.h"
#include "gtest/gtest.h"
#include "ops/functions.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(GraphBuilderTest, ReadsLikeTheMathematics) {
  GraphBuilder g;
  const Value x = g.Input("x", "float[N,3]");
  const Value w = g.Parameter("w", "float[3,2]", GlorotUniform());
  const Value b = g.Parameter("b", "float[2]", Zeros());
  const Value h = Tanh(MatMul(x, w) + b).As("h");
  g.Output(2 * h - 1, "y");
  const absl::StatusOr<Graph> graph = std::move(g).Build();
  ASSERT_THAT(graph, IsOk());
  EXPECT_EQ(GraphText(*graph),
            "input x: float[N,3]\n"
            "parameter w: float[3,2] = glorot_uniform\n"
            "parameter b: float[2] = zeros\n"
            "MatMul = MatMul(x, w): float[N,2]\n"
            "Add = Add(MatMul, b): float[N,2]\n"
            "h = Tanh(Add): float[N,2]\n"
            "Constant = Constant() {value=float[]{2}}: float[]\n"
            "Mul = Mul(Constant, h): float[N,2]\n"
            "Constant_1 = Constant() {value=float[]{1}}: float[]\n"
            "Sub = Sub(Mul, Constant_1): float[N,2]\n"
            "output y = Sub\n");
}

TEST(GraphBuilderTest, PutsAScopeBeforeNames) {
  GraphBuilder g;
  const Value x = g.Input("x", "float[2]");
  {
    const auto encoder = g.Scope("encoder");
    const auto dense = g.Scope("dense1");
    g.Output(Tanh(x * g.Parameter("w", "float[2]", Zeros())).As("h"));
  }
  g.Output(Relu(x).As("plain"));
  const absl::StatusOr<Graph> graph = std::move(g).Build();
  ASSERT_THAT(graph, IsOk());
  EXPECT_TRUE(graph->Find("encoder/dense1/w").present());
  EXPECT_TRUE(graph->Find("encoder/dense1/h").present());
  EXPECT_TRUE(graph->Find("plain").present());
}

TEST(GraphBuilderTest, ReportsEachMistakeOnceAndAllOfThem) {
  GraphBuilder g;
  const Value x = g.Input("x", "float[N,784]");
  const Value w = g.Parameter("w", "float[512,10]", Zeros());
  const Value z = MatMul(x, w).As("z");
  g.Output(Tanh(z).As("h"));
  Call("Tahn", {x});
  const absl::StatusOr<Graph> graph = std::move(g).Build();
  EXPECT_THAT(
      graph,
      StatusIs(absl::StatusCode::kInvalidArgument,
               "node \"MatMul\" (MatMul): input \"B\" must have 784 rows to match input "
               "\"A\" [N,784], but its shape is [512,10]\n"
               "node \"Tahn\" (Tahn): op \"Tahn\" is not registered; did you mean \"Tanh\"?"));
}

TEST(GraphBuilderTest, BlamesTheComposedNodeForWhatItIsMadeOf) {
  GraphBuilder g;
  const Value scores = g.Input("scores", "float[N,3]");
  const Value labels = g.Input("labels", "float[N]");
  Call("SoftmaxCrossEntropyLoss", {scores, labels});
  EXPECT_THAT(std::move(g).Build(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("node \"SoftmaxCrossEntropyLoss\" (SoftmaxCrossEntropyLoss): ")));
}

TEST(GraphBuilderTest, RefusesAnUpdateOfAnotherType) {
  GraphBuilder g;
  const Value n = g.Variable("n", "int64[]", Zeros());
  g.Update(n, Cast(n, DType::kFloat));
  EXPECT_THAT(std::move(g).Build(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "update of \"n\": the next value must have type int64[], but has float[]"));
}

TEST(GraphBuilderTest, RefusesNamesTakenAndNamesThatAreNone) {
  GraphBuilder g;
  const Value x = g.Input("x", "float[2]");
  g.Input("x", "float[3]");
  Tanh(x).As("a b");
  EXPECT_THAT(
      std::move(g).Build(),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("name \"x\" is taken by an input or variable"),
                     HasSubstr("name \"a b\" must be 1 to 1024 bytes of UTF-8 without spaces"))));
}

// Names that a reader may take for one are several.
TEST(GraphBuilderTest, NamesAreBytes) {
  GraphBuilder g;
  const std::vector<std::string> names = {"Loss", "loss", "LOSS", "caf\xc3\xa9", "cafe\xcc\x81"};
  for (const std::string& name : names) g.Input(name, "float[]");
  const absl::StatusOr<Graph> graph = std::move(g).Build();
  ASSERT_THAT(graph, IsOk());
  EXPECT_EQ(graph->inputs().size(), names.size());
}

TEST(GraphBuilderTest, GivesBackWhatNobodyReadsByDefault) {
  GraphBuilder g;
  const Value x = g.Input("x", "float[2]");
  Tanh(Exp(x).As("e")).As("y");
  const absl::StatusOr<Graph> graph = std::move(g).Build();
  ASSERT_THAT(graph, IsOk());
  ASSERT_EQ(graph->outputs().size(), 1u);
  EXPECT_EQ(graph->outputs()[0].name, "y");
}

}  // namespace
}  // namespace flowgrad
