// The pictures that Mermaid draws.

#include "graph/graph_mermaid.h"

#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "graph/graph_builder.h"
#include "graph/graph_text.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(GraphMermaidTest, DrawsShownNodesAndEdges) {
  const absl::StatusOr<Graph> graph = ParseGraphText(R"(
    input x: float[2]
    parameter w: float[2] = zeros
    z = Mul(x, w)
    loss = ReduceSum(z)
    hidden = Exp(z)
    output loss
    output hidden
  )");
  ASSERT_THAT(graph, IsOk());
  const std::string text =
      GraphMermaid(*graph, {true, true, true, true, false}, graph->Find("loss"));
  EXPECT_THAT(text, testing::StartsWith("flowchart TD\n"
                                        "  n0([\"x\"]):::input\n"
                                        "  n1[(\"w\")]:::state\n"
                                        "  n2[\"z<br>Mul\"]:::op\n"
                                        "  n3{{\"loss<br>ReduceSum\"}}:::loss\n"
                                        "  n0 --> n2\n"
                                        "  n1 --> n2\n"
                                        "  n2 --> n3\n"
                                        "  classDef"));
  EXPECT_THAT(text, Not(HasSubstr("hidden")));
}

TEST(GraphMermaidTest, NamesAreTextWhateverIsInThem) {
  GraphBuilder builder;
  const Value x = builder.Input("x]-->n9;<script>#", "float[2]");
  builder.Output((x + x).As("δ|`y`"));
  const absl::StatusOr<Graph> graph = std::move(builder).Build();
  ASSERT_THAT(graph, IsOk());
  const std::string text = GraphMermaid(*graph, {true, true}, ValueId());
  EXPECT_THAT(text, HasSubstr("n0([\"x#93;--#62;n9#59;#60;script#62;#35;\"])"));
  EXPECT_THAT(text, HasSubstr("n1[\"δ#124;#96;y#96;<br>Add\"]"));
}

}  // namespace
}  // namespace flowgrad
