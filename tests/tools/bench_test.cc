// The commands that measure and show plans: `flowgrad bench` and `flowgrad show --format plan`.

#include <cmath>
#include <cstdlib>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/testing/status_matchers.h"
#include "tests/tools/flowgrad_command.h"
#include "training/safetensors.h"

namespace flowgrad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr char kMlp[] = "benchmarks/mlp_784_512_512_10.pbtxt";
constexpr char kToyChain[] = "benchmarks/toy_scalar_chain.pbtxt";
constexpr char kElementwise[] = "benchmarks/elementwise20_1M.pbtxt";

nlohmann::json Bench(const std::string& arguments) {
  return Json(Flowgrad(absl::StrCat("bench --format json ", arguments)));
}

TEST(BenchTest, PrintsOneObjectWithWhatItMeasured) {
  const nlohmann::json result = Bench(absl::StrCat(kMlp, " --batch 32 --threads 2 --seconds 0.1"));
  EXPECT_EQ(result["name"], "mlp_784_512_512_10");
  EXPECT_EQ(result["step"], "train");
  EXPECT_EQ(result["batch"], 32);
  EXPECT_EQ(result["threads"], 2);
  EXPECT_GT(result["tasks"], 1);
  const double rate = result["steps_per_second"];
  EXPECT_GT(rate, 1);
  EXPECT_DOUBLE_EQ(result["samples_per_second"], 32 * rate);
  EXPECT_GT(result["step_us_p50"], 0);
  EXPECT_GE(result["step_us_p99"], result["step_us_p50"]);
  // 784 * 512 + 512 * 512 + 512 * 10 weights and 1034 biases of 4 bytes at least.
  EXPECT_GT(result["plan_bytes"], 2678824);
  EXPECT_GT(result["peak_bytes"], result["plan_bytes"]);
  EXPECT_EQ(result["weights_hash_steps"], 10);
  EXPECT_THAT(result["weights_hash"], MatchesRegex("[0-9a-f]{32}"));
}

TEST(BenchTest, TheWeightsAreTheSameForAnyNumberOfThreadsAndTime) {
  const std::string one =
      Bench(absl::StrCat(kMlp, " --batch 40 --threads 1 --steps 1"))["weights_hash"];
  for (const char* options : {"1 --seconds 0.05", "2 --steps 1", "3 --steps 3"}) {
    const nlohmann::json result = Bench(absl::StrCat(kMlp, " --batch 40 --threads ", options));
    EXPECT_EQ(result["weights_hash"], one) << options;
  }
  EXPECT_NE(Bench(absl::StrCat(kMlp, " --batch 41 --steps 1"))["weights_hash"], one);
}

TEST(BenchTest, MeasuresGradientsOfAModelWithoutTraining) {
  for (const char* model : {kToyChain, kElementwise}) {
    const nlohmann::json result = Bench(absl::StrCat(model, " --steps 3"));
    EXPECT_EQ(result["step"], "gradients");
    EXPECT_EQ(result["steps"], 3);
    EXPECT_TRUE(result["batch"].is_null());
    EXPECT_TRUE(result["samples_per_second"].is_null());
    EXPECT_TRUE(result["weights_hash"].is_null());
    EXPECT_TRUE(result["weights_hash_steps"].is_null());
  }
}

TEST(BenchTest, MeasuresInference) {
  const nlohmann::json result = Bench(absl::StrCat(kMlp, " --step infer --steps 2"));
  EXPECT_EQ(result["step"], "infer");
  EXPECT_EQ(result["batch"], 128);
  EXPECT_TRUE(result["weights_hash"].is_null());
}

// Class 1 of one is an error of the model, and so is index 2 of two.
TEST(BenchTest, DrawsIntegersThatAreLegal) {
  const std::string model = Temp("indices.pbtxt");
  Write(model, R"(format_version: 1 graph {
    input { name: "tokens" type: "int32[N]" }
    input { name: "labels" type: "int64[N]" }
    parameter { name: "table" type: "float[7,1]" }
    node { name: "rows" op: "Gather" input: ["table", "tokens"] }
    node { name: "loss" op: "SoftmaxCrossEntropyLoss" input: ["rows", "labels"] }
    output: "loss" })");
  EXPECT_EQ(Bench(absl::StrCat(model, " --batch 100 --steps 1"))["batch"], 100);
}

TEST(BenchTest, SavesTheGradientsOfATrainStepWithWhatTheyAreOf) {
  const std::string file = Temp("step.safetensors");
  Bench(absl::StrCat(kMlp, " --batch 3 --steps 1 --save-step ", file));
  const absl::StatusOr<TensorFile> saved = LoadTensors(file);
  ASSERT_THAT(saved, IsOk());
  std::vector<std::string> names;
  for (const auto& [name, tensor] : saved->tensors) names.push_back(name);
  EXPECT_THAT(names,
              ElementsAre("gradient/b1", "gradient/b2", "gradient/b3", "gradient/w1", "gradient/w2",
                          "gradient/w3", "input/images", "input/labels", "loss", "weight/b1",
                          "weight/b2", "weight/b3", "weight/w1", "weight/w2", "weight/w3"));
  EXPECT_EQ(saved->tensors.at("input/images").dims(), Dims({3, 784}));
  // Softmax minus one-hot: the gradients by the last biases are of both signs and cancel.
  const Tensor& db3 = saved->tensors.at("gradient/b3");
  double sum = 0, sum_of_magnitudes = 0;
  for (int64_t i = 0; i < db3.num_elements(); ++i) {
    sum += db3.at(i);
    sum_of_magnitudes += std::abs(db3.at(i));
  }
  EXPECT_NEAR(sum, 0, 1e-6);
  EXPECT_GT(sum_of_magnitudes, 0.5);
}

TEST(BenchTest, SavesTheGradientsOfAModelWithoutTraining) {
  const std::string file = Temp("chain.safetensors");
  Bench(absl::StrCat(kToyChain, " --steps 1 --save-step ", file));
  const absl::StatusOr<TensorFile> saved = LoadTensors(file);
  ASSERT_THAT(saved, IsOk());
  // Worked out by hand, as are those of models_test.cc.
  EXPECT_NEAR(saved->tensors.at("loss").at(0), 0.37226411 * 0.37226411, 1e-5);
  EXPECT_NEAR(saved->tensors.at("gradient/beta0").at(0) / 2.28090062, 1, 1e-5);
  EXPECT_NEAR(saved->tensors.at("input/x").at(0), 2.3, 1e-6);
  EXPECT_NEAR(saved->tensors.at("weight/omega2").at(0), 2, 1e-6);
}

TEST(BenchTest, PrintsTextForPeople) {
  const Ended ended = Flowgrad(absl::StrCat("bench ", kToyChain, " --threads 1 --steps 10"));
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.out, HasSubstr("name: toy_scalar_chain\nstep: gradients\nbatch: null\n"
                                   "threads: 1\ntasks: 1\nsteps: 10\nsteps_per_second: "));
  EXPECT_EQ(ended.err, "");
}

// How many events of a category a trace has, and on how many threads.
std::pair<int, int> EventsOf(const nlohmann::json& trace, const std::string& category) {
  int events = 0;
  std::set<int> threads;
  for (const nlohmann::json& event : trace["traceEvents"]) {
    if (event.value("cat", "") != category) continue;
    EXPECT_EQ(event["ph"], "X");
    ++events;
    threads.insert(event["tid"].get<int>());
  }
  return {events, static_cast<int>(threads.size())};
}

TEST(BenchTest, TracesTheStepsItMeasures) {
  const std::string file = Temp("bench.json");
  const nlohmann::json result =
      Bench(absl::StrCat(kMlp, " --batch 128 --threads 2 --steps 20 --trace ", file));
  EXPECT_EQ(result["trace"], file);
  EXPECT_EQ(result["traced_steps"], 20);
  const nlohmann::json trace = nlohmann::json::parse(Contents(file));
  const int tasks = result["tasks"];
  EXPECT_EQ(EventsOf(trace, "run"), std::pair(20, 1));
  EXPECT_EQ(EventsOf(trace, "task").first, 20 * tasks);
  EXPECT_LE(EventsOf(trace, "task").second, 2);
  EXPECT_GE(EventsOf(trace, "step").first, 20 * tasks);
  EXPECT_THAT(Contents(file), HasSubstr(absl::StrCat("\"bench ", kMlp, "\"")));
  for (const char* name : {"worker 0", "z1/MatMul", "bytes_read", "of 16", "SgdUpdate"}) {
    EXPECT_THAT(Contents(file), HasSubstr(name));
  }
}

TEST(BenchTest, TracesTasksOnly) {
  const std::string file = Temp("tasks.json");
  Bench(absl::StrCat(kMlp, " --threads 1 --steps 3 --trace-grain task --trace ", file));
  const nlohmann::json trace = nlohmann::json::parse(Contents(file));
  EXPECT_GT(EventsOf(trace, "task").first, 3);
  EXPECT_EQ(EventsOf(trace, "step").first, 0);
}

TEST(BenchTest, AnyNamesMakeALegalTrace) {
  const std::string file = Temp("hostile.json");
  Bench(absl::StrCat("tests/tools/testdata/hostile_names.pbtxt --steps 2 --trace ", file));
  EXPECT_GT(EventsOf(nlohmann::json::parse(Contents(file)), "step").first, 0);
}

TEST(BenchTest, RefusesWhatCannotBeMeasured) {
  const struct {
    std::string arguments;
    int code;
    std::string message;
  } kCases[] = {
      {absl::StrCat(kMlp, " --batch 0"), 2, "--batch: must be from 1 to 2147483648, but is \"0\""},
      {absl::StrCat(kMlp, " --seconds 0"), 2, "--seconds: must be from 0.01 to 3600, but is \"0\""},
      {absl::StrCat(kMlp, " --seconds nan"), 2, "but is \"nan\""},
      {absl::StrCat(kMlp, " --threads 0"), 2, "--threads: must be from 1 to 1024, but is \"0\""},
      {absl::StrCat(kMlp, " --steps 0"), 2, "--steps: must be from 1 to 1099511627776"},
      {absl::StrCat(kMlp, " --steps 1 --seconds 1"), 2, "--seconds excludes --steps"},
      {absl::StrCat(kMlp, " --trace no/such/folder.json"), 3,
       "no/such/folder.json: cannot be written to its folder: no such file or directory"},
      {absl::StrCat(kMlp, " --trace ", kMlp), 3, "is read and would be written over"},
      {absl::StrCat(kMlp, " --trace-grain task"), 2, "--trace-grain requires --trace"},
      {absl::StrCat(kMlp, " --trace-grain run --trace x.json"), 2, "\"run\""},
      {"nothing.pbtxt", 3, "nothing.pbtxt: no such file or directory"},
      {absl::StrCat(kToyChain, " --step train"), 3,
       "toy_scalar_chain.pbtxt: model has no training section"},
      {absl::StrCat(kMlp, " --batch 1 --step infer --save-step x.safetensors"), 3,
       "--save-step: a step that infers has no gradients: --step train or gradients has"},
      {absl::StrCat(kMlp, " --batch 2147483648"), 3, "more than this machine's memory"},
  };
  for (const auto& c : kCases) {
    const Ended ended = Flowgrad(absl::StrCat("bench ", c.arguments));
    EXPECT_EQ(ended.code, c.code) << c.arguments;
    EXPECT_THAT(ended.err, HasSubstr(c.message));
    EXPECT_EQ(ended.out, "");
  }
}

TEST(ShowPlanTest, CutsNearlyAllWorkOfTheMlp) {
  const Ended ended =
      Flowgrad(absl::StrCat("show ", kMlp, " --format plan --batch 128 --threads 2"));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("panels of "));
  EXPECT_THAT(ended.out, HasSubstr("all with 2 threads: "));
  constexpr char kShare[] = "work outside panels, tiles and parts: ";
  const size_t place = ended.out.find(kShare);
  ASSERT_NE(place, std::string::npos) << ended.out;
  EXPECT_LE(std::atof(ended.out.c_str() + place + sizeof(kShare) - 1), 5.0);
}

TEST(ShowPlanTest, ShowsThePlanOfEachStepOfAModel) {
  EXPECT_THAT(Flowgrad(absl::StrCat("show ", kMlp, " --format plan")).out, HasSubstr("SgdUpdate"));
  for (const char* step : {"gradients", "infer"}) {
    const std::string plan =
        Flowgrad(absl::StrCat("show ", kMlp, " --format plan --step ", step)).out;
    EXPECT_THAT(plan, HasSubstr("MatMul"));
    EXPECT_FALSE(absl::StrContains(plan, "SgdUpdate"));
  }
}

TEST(ShowPlanTest, MeasuresWhatAPlanTakesAndWhyMoreThreadsAreNotFaster) {
  const Ended ended =
      Flowgrad(absl::StrCat("show ", kMlp, " --format plan --batch 128 --threads 2 --measure"));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, MatchesRegex("node +op +pieces +tasks +µs +measured +ratio\n(.|\n)*"));
  EXPECT_THAT(ended.out,
              MatchesRegex("(.|\n)*\nz1/MatMul +.*PackedMatMul.* 16 panels of 8 rows +16 "
                           "+[0-9.]+ +[0-9.]+ +[0-9.]+\n(.|\n)*"));
  for (const char* line :
       {"measured, the fastest of [0-9]+ runs", "work: [0-9.]+ µs",
        "critical path: [0-9.]+ µs, so at best [0-9.]+ times as fast as one "
        "thread",
        "one thread: [0-9.]+ µs", "2 threads: [0-9.]+ µs, [0-9.]+ times as fast",
        "waiting: no task could start +[0-9.]+ +[0-9.]+ %", "thread  tasks  busy +idle"}) {
    EXPECT_THAT(ended.out, MatchesRegex(absl::StrCat("(.|\n)*\n", line, "\n(.|\n)*")));
  }
}

TEST(ShowPlanTest, MeasuresAPlanOfOneTaskOnOneThread) {
  const Ended ended = Flowgrad(
      absl::StrCat("show ", kToyChain, " --format plan --step infer --threads 1 --measure"));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, MatchesRegex("(.|\n)*\noverhead: [0-9.]+ µs, [0-9.]+ %\n"));
}

TEST(ShowPlanTest, OnlyAPlanIsMeasured) {
  const Ended ended = Flowgrad(absl::StrCat("show ", kToyChain, " --measure"));
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.err, "flowgrad: --measure is of a plan: it needs --format plan\n");
}

}  // namespace
}  // namespace flowgrad
