// What a plan takes is shown before, and refused where it is too much: before anything is taken,
// with the figures and the five largest. RELIABILITY T13 and E22.

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/tools/flowgrad_command.h"

namespace flowgrad {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

constexpr char kMlp[] = "benchmarks/mlp_784_512_512_10.pbtxt";

// The number behind `before`, on the same line.
int64_t NumberAfter(const std::string& text, const std::string& before) {
  const size_t place = text.find(before);
  if (place == std::string::npos) return -1;
  const size_t begin = place + before.size();
  int64_t number = -1;
  return absl::SimpleAtoi(text.substr(begin, text.find(' ', begin) - begin), &number) ? number : -1;
}

int64_t PlanBytes(const std::string& options) {
  const Ended ended = Flowgrad(absl::StrCat("show ", kMlp, " --format plan ", options));
  EXPECT_EQ(ended.code, 0) << ended.err;
  return NumberAfter(ended.out, "all with 2 threads: ");
}

TEST(MemoryLimitTest, APlanShowsWhatItHoldsByKindByNodeAndOverTime) {
  const Ended ended =
      Flowgrad(absl::StrCat("show ", kMlp, " --format plan --batch 128 --threads 2"));
  EXPECT_EQ(ended.code, 0) << ended.err;
  // 784 * 512 + 512 * 512 + 512 * 10 weights and 512 + 512 + 10 more, floats.
  EXPECT_THAT(ended.out, MatchesRegex("(.|\n)*\nparameter +6 +2678824 +2678824\n(.|\n)*"));
  // 128 * 784 floats, 128 labels, the learning rate.
  EXPECT_THAT(ended.out, MatchesRegex("(.|\n)*\ninput +3 +402440 +402440\n(.|\n)*"));
  EXPECT_THAT(ended.out, MatchesRegex("(.|\n)*\nw1 +parameter +1605632 +all\n(.|\n)*"));
  EXPECT_THAT(ended.out,
              MatchesRegex("(.|\n)*\npeak: [0-9]+ bytes alive at step [0-9]+, .*, in an arena of "
                           "[0-9]+\n"));
}

TEST(MemoryLimitTest, EveryThreadHasScratchMemoryOfItsOwn) {
  std::string arena;
  for (const int64_t threads : {2, 5}) {
    const std::string out =
        Flowgrad(absl::StrCat("show ", kMlp, " --format plan --batch 64 --threads ", threads)).out;
    const int64_t scratch = NumberAfter(out, "scratch of each worker: ");
    EXPECT_GT(scratch, 0);
    const std::string held = absl::StrCat(threads * scratch);
    EXPECT_THAT(out, MatchesRegex(absl::StrCat("(.|\n)*\nscratch +", threads, " +", held, " +",
                                               held, "\n(.|\n)*")));
    if (arena.empty()) arena = absl::StrCat("\narena: ", NumberAfter(out, "\narena: "), " bytes");
    EXPECT_THAT(out, HasSubstr(arena));
  }
}

TEST(MemoryLimitTest, ARunOfExactlyTheLimitRunsAndOneOfAByteMoreDoesNot) {
  const int64_t bytes = PlanBytes("--batch 32 --threads 2");
  const std::string bench = absl::StrCat("bench ", kMlp, " --batch 32 --threads 2 --steps 2 ");
  const Ended runs = Flowgrad(absl::StrCat(bench, "--format json --memory-limit ", bytes));
  EXPECT_EQ(runs.code, 0) << runs.err;
  EXPECT_EQ(Json(runs)["plan_bytes"], bytes);
  const Ended refused = Flowgrad(absl::StrCat(bench, "--memory-limit ", bytes - 1));
  EXPECT_EQ(refused.code, 3);
  EXPECT_THAT(refused.err, HasSubstr(absl::StrCat("a run needs ", bytes,
                                                  " bytes, more than the memory limit of ",
                                                  bytes - 1, ": parameter 2678824, ")));
  EXPECT_EQ(refused.out, "");
}

// Each names the file, what is needed, the limit, the parts, and five owners, in one line.
TEST(MemoryLimitTest, EveryCommandThatRunsAPlanRefusesOneThatIsTooLarge) {
  constexpr char kLine[] =
      "flowgrad: [^\n]*pbtxt: a run needs [0-9]+ bytes, more than the memory limit of 6291456: "
      "[^\n]*; the largest are (\"[^\"]+\" \\([a-z ]+\\) [0-9]+, ){4}\"[^\"]+\" \\([a-z ]+\\) "
      "[0-9]+\n";
  const std::string out = Temp("limited.safetensors");
  constexpr char kModel[] = "examples/fashion_mnist/mlp.pbtxt";
  for (const std::string& command :
       {absl::StrCat("train ", kModel, " -q --out ", out), absl::StrCat("run ", kModel),
        absl::StrCat("run ", kModel, " --metrics"), absl::StrCat("bench ", kModel),
        absl::StrCat("show ", kModel, " --format plan"),
        absl::StrCat("show ", kModel, " --format plan --measure")}) {
    // An inference plan holds no more than the parameters and a few values.
    const char* limit = absl::StartsWith(command, "run") ? "5MiB" : "6MiB";
    const Ended ended = Flowgrad(absl::StrCat(command, " --memory-limit ", limit));
    EXPECT_EQ(ended.code, 3) << command;
    EXPECT_EQ(ended.out, "");
    std::string line = kLine;
    if (limit[0] == '5') line.replace(line.find("6291456"), 7, "5242880");
    EXPECT_THAT(ended.err, MatchesRegex(line)) << command;
  }
  EXPECT_EQ(Contents(out), "");  // no step was made
}

TEST(MemoryLimitTest, StatesOverTheLimitAreRefusedBeforeTheyAreMade) {
  for (const char* command : {"train", "run", "run --metrics"}) {
    const Ended ended =
        Flowgrad(absl::StrCat(command, " examples/fashion_mnist/mlp.pbtxt --memory-limit 2000KiB"));
    EXPECT_EQ(ended.code, 3);
    EXPECT_THAT(ended.err, HasSubstr("more than the memory limit of 2048000: parameter 2678824"));
  }
}

std::string ModelOf(const std::string& parameters, const std::string& name) {
  const std::string path = Temp(name);
  Write(path, absl::StrCat("format_version: 1 graph {\n", parameters,
                           "  node { name: \"y\" op: \"Abs\" input: \"a\" }\n"
                           "  output: \"y\"\n}\n"));
  return path;
}

constexpr char kHuge[] = "  parameter { name: \"a\" type: \"float[1000000000]\" }\n";

// Whatever the machine has: 4,000,000,000 bytes do not fit into an address space of 2,048,000,000.
TEST(MemoryLimitTest, AHugeParameterIsRefusedUnderALimitOfTheAddressSpace) {
  const std::string model = ModelOf(kHuge, "huge.pbtxt");
  for (const char* command : {"run", "bench"}) {
    const Ended ended = Shell(
        absl::StrCat("ulimit -v 2000000; ", kFlowgrad, " ", command, " ", model, " --threads 1"));
    EXPECT_EQ(ended.code, 3) << command;
    EXPECT_THAT(ended.err, HasSubstr("4000000000 bytes, more than the ")) << command;
    EXPECT_THAT(ended.err, HasSubstr("that this process may ")) << command;
  }
}

// The states take 1,200,000,000 bytes, more than the address space has, and each of them less. So
// do the gradients, and that is what is told.
TEST(MemoryLimitTest, TrainingIsPlannedBeforeItsStatesAreMade) {
  Write(Temp("two.csv"), "x,y\n1,2\n3,4\n");
  const std::string model = Temp("training.pbtxt");
  Write(model, R"(format_version: 1
graph {
  input { name: "x" type: "float[N,1]" }
  input { name: "y" type: "float[N]" }
  parameter { name: "a" type: "float[150000000]" }
  parameter { name: "b" type: "float[150000000]" }
  node { name: "square" op: "Mul" input: ["a", "b"] }
  node { name: "sum" op: "ReduceSum" input: "square" attribute { name: "keepdims" i: 0 } }
  node { name: "product" op: "Mul" input: ["x", "sum"] }
  node { name: "loss" op: "ReduceMean" input: "product" attribute { name: "keepdims" i: 0 } }
}
training {
  loss: "loss" optimizer { sgd { learning_rate: 0.1 } } batch_size: 2 steps: 3
  data {
    csv { file: "two.csv" label: "y" }
    feed { input: "x" field: "features" } feed { input: "y" field: "label" }
  }
}
)");
  const Ended ended =
      Shell(absl::StrCat("ulimit -v 900000; ", kFlowgrad, " train ", model, " --out ",
                         Temp("never.safetensors"), " --threads 1 --memory-limit 1200000100"));
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.err, HasSubstr("training.pbtxt: the plan of a run takes 12"));
}

TEST(MemoryLimitTest, UnderALimitTheSameIsSaidWithTheLimitGiven) {
  const std::string model = ModelOf(kHuge, "huge.pbtxt");
  const Ended ended = Shell(absl::StrCat("ulimit -v 6000000; ", kFlowgrad, " run ", model,
                                         " --threads 1 --memory-limit 1GiB"));
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.err, HasSubstr("more than the memory limit of 1073741824: "));
}

// E22: each of the tensors fits, and their sum does not.
TEST(MemoryLimitTest, TensorsThatFitOneByOneAreRefusedTogether) {
  std::string parameters;
  for (const char* name : {"a", "b", "c", "d", "e", "f", "g"}) {
    absl::StrAppend(&parameters, "  parameter { name: \"", name, "\" type: \"float[",
                    100000 + name[0], "]\" }\n");
  }
  const Ended ended =
      Flowgrad(absl::StrCat("run ", ModelOf(parameters, "seven.pbtxt"), " --fetch b c d e f g ",
                            "--threads 1 --memory-limit 1MiB"));
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.err, HasSubstr("more than the memory limit of 1048576"));
}

TEST(MemoryLimitTest, ALimitIsANumberOfBytesWithOrWithoutAUnit) {
  for (const char* limit : {"20000000", "20000KiB", "20MiB", "1GiB"}) {
    EXPECT_EQ(Flowgrad(absl::StrCat("show ", kMlp, " --format plan --memory-limit ", limit)).code,
              0)
        << limit;
  }
  for (const char* limit : {"0", "-1", "1.5GiB", "2G", "GiB", "2 GiB", "0GiB", "many",
                            "9223372036854775808", "9000000000GiB", "2gib", "\"\""}) {
    const Ended ended =
        Flowgrad(absl::StrCat("show ", kMlp, " --format plan '--memory-limit=", limit, "'"));
    EXPECT_EQ(ended.code, 2) << limit;
    EXPECT_THAT(ended.err, HasSubstr("--memory-limit: must be a number of bytes from 1 on"));
  }
}

}  // namespace
}  // namespace flowgrad
