// Models as large as a file may be: what is wrong with one is found in seconds, within a bound of
// memory, and in words; what is right is shown.

#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/model.pb.h"
#include "tests/testing/wire.h"
#include "tests/tools/flowgrad_command.h"

namespace flowgrad {
namespace {

using ::testing::MatchesRegex;
using ::testing::StartsWith;

constexpr int kMillion = 1'000'000;
constexpr int kMostBytes = (64 << 20) - 64;

// Of the processor, and of addresses. AddressSanitizer reserves terabytes of them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr char kLimits[] = "ulimit -c 0; ulimit -t 120; ";
#else
constexpr char kLimits[] = "ulimit -c 0; ulimit -t 10; ulimit -v 3000000; ";
#endif

// What standard error says of the model, without "flowgrad: m.pb".
std::string Refusal(const std::string& bytes) {
  const std::string path = Temp("m.pb");
  Write(path, bytes);
  const Ended ended = Shell(absl::StrCat(kLimits, kFlowgrad, " show ", path));
  EXPECT_EQ(ended.code, 3);
  EXPECT_EQ(ended.out, "");
  const std::string prefix = absl::StrCat("flowgrad: ", path);
  EXPECT_THAT(ended.err, StartsWith(prefix));
  return ended.err.substr(std::min(prefix.size(), ended.err.size()));
}

std::string Refusal(const std::function<void(GraphDef&)>& fill) {
  ModelDef model;
  model.set_format_version(1);
  fill(*model.mutable_graph());
  return Refusal(model.SerializeAsString());
}

void AddInput(GraphDef& graph, const std::string& name) {
  InputDef& input = *graph.add_input();
  input.set_name(name);
  input.set_type("float[2]");
}

void AddNode(GraphDef& graph, const std::string& name, const std::string& op,
             const std::string& input) {
  NodeDef& node = *graph.add_node();
  node.set_name(name);
  node.set_op(op);
  node.add_input(input);
}

void AddChain(GraphDef& graph, int count) {
  AddInput(graph, "n0");
  for (int i = 1; i < count; ++i) {
    AddNode(graph, absl::StrCat("n", i), "Relu", absl::StrCat("n", i - 1));
  }
}

TEST(LargeModelsTest, BombsOf64MiBAreRefusedBeforeTheyTakeMemory) {
  const std::string empty_attributes = Field(5, Repeated(Field(5, ""), 256));
  const std::string packed = Field(3, Field(3, Field(10, Field(3, std::string(kMostBytes, '\1')))));
  EXPECT_EQ(Refusal(WithGraph(Repeated(Field(5, ""), kMostBytes / 2))),
            ": graph has more than 1000000 of field \"node\"\n");
  const char kTooMuch[] =
      ": graph\\.[][a-z0-9.]* is where the model would take more than 1024 MiB of memory\n";
  EXPECT_THAT(Refusal(WithGraph(Repeated(Field(6, ""), kMostBytes / 2))), MatchesRegex(kTooMuch));
  EXPECT_THAT(Refusal(WithGraph(Repeated(empty_attributes,
                                         kMostBytes / static_cast<int>(empty_attributes.size())))),
              MatchesRegex(kTooMuch));
  // As many numbers as a file has room for are read.
  EXPECT_EQ(Refusal(WithGraph(packed)), ": parameter 1 of the file: has no name\n");
}

TEST(LargeModelsTest, AMistakeAtTheEndOfAChainOfAMillionIsFound) {
  EXPECT_EQ(Refusal([](GraphDef& graph) {
              AddChain(graph, kMillion);
              AddNode(graph, "end", "Rel", absl::StrCat("n", kMillion - 1));
            }),
            ": node \"end\" (Rel): op \"Rel\" is not registered; did you mean \"Relu\"?\n");
}

TEST(LargeModelsTest, ACycleOfAMillionIsNamed) {
  EXPECT_EQ(Refusal([](GraphDef& graph) {
              AddChain(graph, kMillion);
              graph.mutable_input()->Clear();
              AddNode(graph, "n0", "Relu", absl::StrCat("n", kMillion - 1));
            }),
            ": graph has a cycle: \"n1\" -> \"n2\" -> \"n3\" -> \"n4\" -> \"n5\" -> \"n6\" -> "
            "\"n7\" -> \"n8\" -> ... 999992 more -> \"n1\"\n");
}

TEST(LargeModelsTest, AMillionReadersOfOneValueTakeLinearTime) {
  EXPECT_EQ(Refusal([](GraphDef& graph) {
              AddInput(graph, "x");
              for (int i = 1; i < kMillion; ++i) AddNode(graph, absl::StrCat("n", i), "Relu", "x");
              AddNode(graph, "end", "Rel", "x");
            }),
            ": node \"end\" (Rel): op \"Rel\" is not registered; did you mean \"Relu\"?\n");
}

TEST(LargeModelsTest, AMillionInputsOfOneNodeTakeLinearTime) {
  EXPECT_EQ(Refusal([](GraphDef& graph) {
              const std::string x = "x";
              AddInput(graph, x);
              NodeDef& node = *graph.add_node();
              node.set_name("sum");
              node.set_op("Sum");
              for (int i = 0; i < kMillion; ++i) *node.add_input() = x;
              AddNode(graph, "end", "Rel", "sum");
            }),
            ": node \"end\" (Rel): op \"Rel\" is not registered; did you mean \"Relu\"?\n");
}

TEST(LargeModelsTest, OutputsAndUpdatesTakeLinearTime) {
  EXPECT_EQ(Refusal([](GraphDef& graph) {
              for (int i = 0; i < 300'000; ++i) {
                const std::string name = absl::StrCat("v", i);
                VariableDef& variable = *graph.add_variable();
                variable.set_name(name);
                variable.set_type("float[]");
                graph.add_output(name);
                UpdateDef& update = *graph.add_update();
                update.set_variable(name);
                update.set_value(name);
              }
              graph.add_output("v7");
            }),
            ": output \"v7\": is given twice\n");
}

TEST(LargeModelsTest, OfAMillionMistakesTheFirstAreTold) {
  const std::string error = Refusal([](GraphDef& graph) {
    for (int i = 0; i < kMillion / 2; ++i) AddInput(graph, absl::StrCat("a b", i));
  });
  EXPECT_THAT(error, StartsWith(": value \"a b0\": name \"a b0\" must be 1 to 1024 bytes"));
  EXPECT_LE(error.size(), 4096u);
}

}  // namespace
}  // namespace flowgrad
