#include "graph/graph_file.h"

#include "gmock/gmock.h"
#include "graph/graph_text.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

TEST(GraphFileTest, ReadsBackWhatItWrote) {
  const absl::StatusOr<Graph> graph = ParseGraphText(
      "input x: float[N,3]\n"
      "parameter w: float[3,2] = glorot_uniform\n"
      "y = MatMul(x, w)\n"
      "output y\n");
  ASSERT_THAT(graph, IsOk());
  for (const char* name : {"/graph.pbtxt", "/graph.pb"}) {
    const std::string path = testing::TempDir() + name;
    ASSERT_THAT(WriteGraph(*graph, path), IsOk());
    const absl::StatusOr<Graph> read = ReadGraph(path);
    ASSERT_THAT(read, IsOk());
    EXPECT_EQ(GraphText(*read), GraphText(*graph));
  }
}

TEST(GraphFileTest, EachLineOfAnErrorNamesTheFile) {
  EXPECT_THAT(ReadGraph("no/graph.pb"),
              StatusIs(absl::StatusCode::kNotFound, testing::StartsWith("no/graph.pb: ")));
  EXPECT_THAT(ParseGraph("format_version: 1\n"
                         "graph {\n"
                         "  input { name: \"x\" type: \"float[2]\" }\n"
                         "  node { name: \"a\" op: \"Tahn\" input: \"x\" }\n"
                         "  node { name: \"b\" op: \"Tanh\" input: \"z\" }\n"
                         "}\n",
                         "model"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "model: node \"a\" (Tahn): op \"Tahn\" is not registered; did you mean "
                       "\"Tanh\"?\n"
                       "model: node \"b\" (Tanh): input \"z\" names no value"));
}

}  // namespace
}  // namespace flowgrad
