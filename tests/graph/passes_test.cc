#include "graph/passes/passes.h"

#include <functional>

#include "gmock/gmock.h"
#include "graph/graph_text.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

// Text in, text out; what comes out is a graph that reads back the same.
std::string Rewritten(absl::string_view text,
                      const std::function<absl::StatusOr<Graph>(const Graph&)>& pass) {
  const absl::StatusOr<Graph> graph = ParseGraphText(text);
  if (!graph.ok()) return std::string(graph.status().message());
  const absl::StatusOr<Graph> result = pass(*graph);
  if (!result.ok()) return std::string(result.status().message());
  const std::string rewritten = GraphText(*result);
  const absl::StatusOr<Graph> again = ParseGraphText(rewritten);
  EXPECT_THAT(again, IsOk());
  EXPECT_EQ(again.ok() ? GraphText(*again) : "", rewritten);
  return rewritten;
}

absl::StatusOr<Graph> DeadNodes(const Graph& graph) { return RemoveDeadNodes(graph); }
absl::StatusOr<Graph> Train(const Graph& graph) { return FoldTrainingMode(graph, true); }
absl::StatusOr<Graph> Infer(const Graph& graph) { return FoldTrainingMode(graph, false); }
absl::StatusOr<Graph> Doubled(const Graph& graph) { return ToDouble(graph); }

constexpr absl::string_view kDropout =
    "input x: float[N,4]\n"
    "ratio = Constant() {value=float[]{0.5}}: float[]\n"
    "d = Dropout(x, ratio, training_mode): float[N,4]\n"
    "y = Relu(d): float[N,4]\n"
    "output y\n";

TEST(RemoveDeadNodesTest, DropsWhatNothingNeeds) {
  EXPECT_EQ(Rewritten("input x: float[2]\n"
                      "a = Exp(x): float[2]\n"
                      "b = Tanh(x): float[2]\n"
                      "c = Exp(a): float[2]\n"
                      "output b\n",
                      DeadNodes),
            "input x: float[2]\n"
            "b = Tanh(x): float[2]\n"
            "output b\n");
}

TEST(RemoveDeadNodesTest, KeepsUpdatesAndLeavesALiveGraphAlone) {
  constexpr absl::string_view kGraph =
      "input x: float[2]\n"
      "variable total: float[2] = zeros\n"
      "next = Add(total, x): float[2]\n"
      "y = Tanh(x): float[2]\n"
      "update total = next\n"
      "output y\n";
  EXPECT_EQ(Rewritten(kGraph, DeadNodes), kGraph);
}

TEST(FoldTrainingModeTest, InferenceHasNoDropout) {
  EXPECT_EQ(Rewritten(kDropout, Infer),
            "input x: float[N,4]\n"
            "y = Relu(x): float[N,4]\n"
            "output y\n");
}

TEST(FoldTrainingModeTest, TrainingKeepsDropoutWithAConstant) {
  EXPECT_EQ(Rewritten(kDropout, Train),
            "input x: float[N,4]\n"
            "ratio = Constant() {value=float[]{0.5}}: float[]\n"
            "training_mode = Constant() {value=bool[]{1}}: bool[]\n"
            "d = Dropout(x, ratio, training_mode): float[N,4]\n"
            "y = Relu(d): float[N,4]\n"
            "output y\n");
}

TEST(FoldTrainingModeTest, LeavesAGraphWithoutItAlone) {
  constexpr absl::string_view kGraph =
      "input x: float[2]\n"
      "y = Tanh(x): float[2]\n"
      "output y\n";
  EXPECT_EQ(Rewritten(kGraph, Infer), kGraph);
}

TEST(ToDoubleTest, WidensInputsParametersConstantsAndCasts) {
  EXPECT_EQ(Rewritten("input n: int64[N]\n"
                      "parameter w: float[2] = glorot_uniform\n"
                      "half = Constant() {value=float[]{0.5}}: float[]\n"
                      "f = Cast(n) {to=\"float\"}: float[N]\n"
                      "y = Mul(w, half): float[2]\n"
                      "output y\n"
                      "output f\n",
                      Doubled),
            "input n: int64[N]\n"
            "parameter w: double[2] = glorot_uniform\n"
            "half = Constant() {value=double[]{0.5}}: double[]\n"
            "f = Cast(n) {to=\"double\"}: double[N]\n"
            "y = Mul(w, half): double[2]\n"
            "output y\n"
            "output f\n");
}

}  // namespace
}  // namespace flowgrad
