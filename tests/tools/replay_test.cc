// Repeats runs with the command flowgrad as a user does.

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/tools/flowgrad_command.h"

namespace flowgrad {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kModel[] = "tests/tools/testdata/modulo3.pbtxt";

// Trains with a checkpoint every 20 steps; the folder of these.
std::string TrainInto(const std::string& name, const std::string& arguments, Ended* ended) {
  *ended = Flowgrad(absl::StrCat("train ", kModel, " --steps 90 --checkpoint-every 20 --out ",
                                 Temp(name + ".safetensors"), " ", arguments));
  return Temp(name + ".checkpoints");
}

std::string LastLine(const std::string& out) {
  return out.substr(out.rfind('\n', out.size() - 2) + 1);
}

TEST(ReplayTest, TakesTheSameStepsAgainFromAnyCheckpointOnAnyNumberOfThreads) {
  Ended trained;
  const std::string run = TrainInto(
      "same", "--keep-checkpoints 9 --seed 7 --batch 11 --set optimizer.momentum=0.5", &trained);
  ASSERT_EQ(trained.code, 0) << trained.err;
  const std::string hash = LastLine(trained.out);
  EXPECT_THAT(hash, StartsWith("weights_hash: "));
  const std::string before = Shell("ls -lR " + run).out;
  EXPECT_EQ(Flowgrad("replay " + run).out, "steps: none after 90\n" + hash);
  for (const int from : {0, 20, 60}) {
    for (const int threads : {1, 3}) {
      const std::string command =
          absl::StrCat("replay ", run, " --from-step ", from, " --threads ", threads);
      const std::string steps = absl::StrCat("steps: ", from + 1, " to 90\n");
      EXPECT_EQ(Flowgrad(command).out, steps + hash);
      EXPECT_EQ(Flowgrad(command + " --to-first-nan").out, steps + "first_nan: none\n" + hash);
    }
  }
  EXPECT_THAT(Flowgrad("replay --memory-limit 1KiB " + run).err,
              HasSubstr("more than the memory limit of 1024"));
  EXPECT_EQ(Shell("ls -lR " + run).out, before) << "a replay writes nothing";
}

// Each step takes every weight to about -9 times itself. After twenty, 9²⁰ = 1.2e19, the product of
// two layers is beyond float.
TEST(ReplayTest, NamesTheFirstNanFromTheNearestCheckpoint) {
  Ended trained;
  const std::string run =
      TrainInto("nan", "--set 'optimizer=sgd { learning_rate: 1 weight_decay: 10 }'", &trained);
  EXPECT_EQ(trained.code, 1);
  EXPECT_THAT(trained.err, HasSubstr("loss is not finite at step "));
  EXPECT_THAT(trained.err, HasSubstr(absl::StrCat("; to see where it comes from: flowgrad replay ",
                                                  run, " --to-first-nan\n")));
  const Ended replayed = Flowgrad("replay " + run + " --to-first-nan --threads 1");
  EXPECT_EQ(replayed.code, 0) << replayed.err;
  EXPECT_THAT(replayed.out, StartsWith("steps: 21 to 21\nfirst_nan: at step 21: node \"scores\" "
                                       "(MatMul): made "));
  EXPECT_EQ(Flowgrad("replay " + run + " --to-first-nan --threads 4").out, replayed.out);
  EXPECT_EQ(Flowgrad("replay " + run).code, 1);
}

TEST(ReplayTest, TakesTheCheckpointBeforeOneThatIsDamaged) {
  Ended trained;
  const std::string run = TrainInto("damaged", "", &trained);
  ASSERT_EQ(trained.code, 0) << trained.err;
  Write(run + "/step-000000000090/manifest.json", "{}");
  const Ended replayed = Flowgrad("replay -q " + run);
  EXPECT_EQ(replayed.out, "steps: 81 to 90\n" + LastLine(trained.out));
  EXPECT_THAT(replayed.err, StartsWith("flowgrad: warning: refused: "));
}

TEST(CheckNumericsTest, NamesTheNodeOfARunToo) {
  const std::string model = Temp("log.pbtxt");
  Write(model, R"(format_version: 1
graph {
  input { name: "x" type: "float[3]" value { values: [1, 0, 2] } }
  node { name: "y" op: "Log" input: "x" }
  output: "y"
}
)");
  EXPECT_EQ(Flowgrad("run " + model).code, 0);
  const Ended checked = Flowgrad("run --check-numerics " + model);
  EXPECT_EQ(checked.code, 1);
  EXPECT_EQ(checked.err, absl::StrCat("flowgrad: ", model,
                                      ": node \"y\" (Log): made 1 infinity in the forward pass, "
                                      "the first at [1]; it read \"x\" from 0 to 2\n"));
  const Ended both = Flowgrad(absl::StrCat("train ", kModel, " --check-numerics --trace t.json"));
  EXPECT_EQ(both.code, 2);
}

TEST(ReplayTest, NamesWhatIsNotARun) {
  EXPECT_EQ(Flowgrad("replay").err, "flowgrad: RUN is required; see flowgrad replay --help\n");
  const Ended nowhere = Flowgrad("replay " + Temp("nowhere"));
  EXPECT_EQ(nowhere.code, 3);
  EXPECT_EQ(nowhere.err,
            absl::StrCat("flowgrad: ", Temp("nowhere"), "/run.json: no such file or directory\n"));
  Ended trained;
  const std::string run = TrainInto("edited", "", &trained);
  ASSERT_EQ(trained.code, 0) << trained.err;
  EXPECT_EQ(Flowgrad("replay " + run + " --from-step 50").err,
            absl::StrCat("flowgrad: ", run,
                         "/step-000000000050/manifest.json: no such file or directory\n"));
  const std::string text = Contents(run + "/run.json");
  Write(run + "/run.json", absl::StrReplaceAll(text, {{"\"steps\": 90", "\"steps\": 40"}}));
  EXPECT_EQ(Flowgrad("replay " + run).err,
            absl::StrCat("flowgrad: ", run,
                         "/step-000000000090: the checkpoint is of step 90, "
                         "but the run has only 40 steps\n"));
  for (const char* bad : {"", "[]", "{\"model\": 1}", "\xff"}) {
    Write(run + "/run.json", bad);
    const Ended refused = Flowgrad("replay " + run);
    EXPECT_EQ(refused.code, 3) << bad;
    EXPECT_THAT(refused.err, StartsWith(absl::StrCat("flowgrad: ", run,
                                                     "/run.json: is not what "
                                                     "this program writes: ")));
  }
}

}  // namespace
}  // namespace flowgrad
