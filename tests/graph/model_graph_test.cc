#include "graph/model_graph.h"

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "graph/autodiff.h"
#include "graph/graph_builder.h"
#include "graph/graph_text.h"
#include "gtest/gtest.h"
#include "ops/functions.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

GraphDef Def(const std::string& text) {
  GraphDef def;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &def));
  return def;
}

constexpr char kNet[] = R"pb(
  input { name: "x" type: "float[N,3]" }
  parameter {
    name: "w"
    type: "float[3,2]"
    init { glorot_uniform {} }
  }
  node { name: "y" op: "Tanh" input: "z" }
  node {
    name: "z"
    op: "MatMul"
    input: [ "x", "w" ]
  }
)pb";

TEST(ModelGraphTest, FileAndApiGiveTheSameGraph) {
  GraphBuilder g;
  const Value x = g.Input("x", "float[N,3]");
  const Value w = g.Parameter("w", "float[3,2]", GlorotUniform());
  Tanh(MatMul(x, w).As("z")).As("y");
  const absl::StatusOr<Graph> from_api = std::move(g).Build();
  const absl::StatusOr<Graph> from_file = BuildGraph(Def(kNet));
  ASSERT_THAT(from_api, IsOk());
  ASSERT_THAT(from_file, IsOk());
  EXPECT_EQ(GraphText(*from_file), GraphText(*from_api));
}

TEST(ModelGraphTest, GoesBackToAFileAndReadsTheSame) {
  const absl::StatusOr<Graph> graph = BuildGraph(Def(kNet));
  ASSERT_THAT(graph, IsOk());
  const absl::StatusOr<Graph> gradients = Differentiate(*graph, "y", GradientTargets::kAll);
  ASSERT_THAT(gradients, IsOk());
  const GraphDef def = ToGraphDef(*gradients);
  const absl::StatusOr<Graph> again = BuildGraph(def);
  ASSERT_THAT(again, IsOk());
  TextOptions options;
  options.origins = true;
  EXPECT_EQ(GraphText(*again, options), GraphText(*gradients, options));
  EXPECT_EQ(ToGraphDef(*again).SerializeAsString(), def.SerializeAsString());
}

TEST(ModelGraphTest, AnOutputMayBeAnInput) {
  const absl::StatusOr<Graph> graph = BuildGraph(Def(R"pb(
    input { name: "x" type: "float[2]" }
    output: "x"
  )pb"));
  ASSERT_THAT(graph, IsOk());
  EXPECT_EQ(GraphText(*graph), "input x: float[2]\noutput x\n");
}

TEST(ModelGraphTest, NamesTheCycle) {
  EXPECT_THAT(BuildGraph(Def(R"pb(
                node { name: "a" op: "Tanh" input: "c" }
                node { name: "b" op: "Tanh" input: "a" }
                node { name: "c" op: "Tanh" input: "b" }
              )pb")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "graph has a cycle: \"a\" -> \"b\" -> \"c\" -> \"a\""));
}

TEST(ModelGraphTest, NamesTheNearestValueOfADanglingInput) {
  EXPECT_THAT(
      BuildGraph(Def(R"pb(
        input { name: "logits" type: "float[N,3]" }
        node { name: "loss" op: "Softmax" input: "logit" }
      )pb")),
      StatusIs(
          absl::StatusCode::kInvalidArgument,
          "node \"loss\" (Softmax): input \"logit\" names no value; did you mean \"logits\"?"));
}

TEST(ModelGraphTest, ReportsTwoNodesOfOneName) {
  EXPECT_THAT(BuildGraph(Def(R"pb(
                input { name: "x" type: "float[3]" }
                node { name: "h" op: "Tanh" input: "x" }
                node { name: "h" op: "Relu" input: "x" }
              )pb")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "node \"h\": is defined twice, as node 1 and as node 2 of the file"));
}

}  // namespace
}  // namespace flowgrad
