// A run in surroundings that go wrong. The letters are rows of the list of hostile inputs that the
// project keeps: J is the environment.

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/tools/flowgrad_command.h"

namespace flowgrad {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

// Short, and one that only a signal ends.
constexpr char kTrain[] = "train tests/tools/testdata/modulo3.pbtxt -q --overwrite --out ";
constexpr char kEndless[] = "--steps 1000000000000";

std::string HashIn(const std::string& text) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::ConsumePrefix(&line, "weights_hash: ")) return std::string(line);
  }
  return "none";
}

// The hash of the weights that the run has where nothing goes wrong.
std::string PlainHash() {
  return HashIn(Flowgrad(absl::StrCat(kTrain, Temp("plain.safetensors"))).out);
}

// Runs `before`, then the training, in a shell of its own.
Ended TrainAfter(const std::string& before, const std::string& arguments = "") {
  return Shell(absl::StrCat(before, "; ", kFlowgrad, " ", kTrain, Temp("after.safetensors"), " ",
                            arguments));
}

// Starts an endless run, does `meanwhile` with its number in $pid, and waits for it.
Ended TrainMeanwhile(const std::string& meanwhile, const std::string& out) {
  return Shell(absl::StrCat(kFlowgrad, " ", kTrain, out, " ", kEndless, " & pid=$!; sleep 1; ",
                            meanwhile, "; wait $pid"));
}

TEST(EnvironmentTest, J4AFolderThatIsGoneAtTheEndIsAnError) {
  const std::string folder = Temp("gone");
  const Ended ended = Shell(absl::StrCat("mkdir -p ", folder, "; ", kFlowgrad, " ", kTrain, folder,
                                         "/x.safetensors ", kEndless, " & pid=$!; sleep 1; rm -r ",
                                         folder, "; kill -INT $pid; wait $pid"));
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.err, EndsWith("x.safetensors: cannot create a file in its folder: no such file "
                                  "or directory\n"));
}

TEST(EnvironmentTest, J5AFileThatMayNotGrowIsAnErrorAndNoSignal) {
  const Ended ended = TrainAfter("ulimit -f 0");
  EXPECT_NE(ended.code, 0);
  EXPECT_LT(ended.code, 128);
}

TEST(EnvironmentTest, J8ASecondSignalEndsAtOnce) {
  const Ended ended =
      TrainMeanwhile("kill -INT $pid; kill -INT $pid; kill -INT $pid", Temp("two.safetensors"));
  EXPECT_EQ(ended.code, 130);
}

TEST(EnvironmentTest, J10AHangUpWritesWhatThereIs) {
  const std::string out = Temp("hung_up.safetensors");
  const Ended ended = TrainMeanwhile("kill -HUP $pid", out);
  EXPECT_EQ(ended.code, 129);
  EXPECT_THAT(ended.out, HasSubstr(absl::StrCat("weights: ", out)));
  EXPECT_NE(Contents(out), "");
}

TEST(EnvironmentTest, J10NoHangUpIsHeardWhereItIsIgnored) {
  const Ended ended = Shell(
      absl::StrCat("trap '' HUP; ", kFlowgrad, " ", kTrain, Temp("deaf.safetensors"), " ", kEndless,
                   " & pid=$!; sleep 1; kill -HUP $pid; sleep 0.2; kill -TERM "
                   "$pid; wait $pid"));
  EXPECT_EQ(ended.code, 143);
}

TEST(EnvironmentTest, J10AReaderThatGoesAwayIsAnErrorAndNoSignal) {
  const Ended ended =
      Shell(absl::StrCat(kFlowgrad, " ops | true; echo ${PIPESTATUS[0]} >", Temp("status")));
  EXPECT_THAT(Contents(Temp("status")), ::testing::AnyOf("0\n", "1\n"));
}

TEST(EnvironmentTest, J10AFullStandardOutputIsAnErrorAndTheWeightsAreThere) {
  const std::string out = Temp("full.safetensors");
  const Ended ended = Shell(absl::StrCat(kFlowgrad, " ", kTrain, out, " > /dev/full"));
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err, HasSubstr("standard output: No space left on device"));
  EXPECT_NE(Contents(out), "");
}

TEST(EnvironmentTest, J10AClosedStandardErrorChangesNothing) {
  const Ended ended =
      Shell(absl::StrCat(kFlowgrad, " train tests/tools/testdata/modulo3.pbtxt --overwrite --out ",
                         Temp("closed.safetensors"), " 2>&-"));
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(HashIn(ended.out), PlainHash());
}

TEST(EnvironmentTest, J11AStopAndAContinueChangeNothing) {
  const Ended ended = Shell(absl::StrCat(kFlowgrad, " ", kTrain, Temp("stopped.safetensors"),
                                         " & pid=$!; kill -STOP $pid; sleep 0.2; kill -CONT $pid; "
                                         "wait $pid"));
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(HashIn(ended.out), PlainHash());
}

TEST(EnvironmentTest, J16ManyThreadsOnFewCoresGiveTheSameBits) {
  const Ended ended = TrainAfter("true", "--threads 1000");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(HashIn(ended.out), PlainHash());
}

TEST(EnvironmentTest, J17ASmallStackIsEnough) {
  const Ended ended = TrainAfter("ulimit -s 256");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(HashIn(ended.out), PlainHash());
}

TEST(EnvironmentTest, J18ALocaleWithADecimalCommaChangesNothing) {
  const Ended ended = TrainAfter("export LC_ALL=de_DE.UTF-8", "--set optimizer.learning_rate=0.1");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(HashIn(ended.out), PlainHash());
}

TEST(EnvironmentTest, J19FewDescriptorsAreEnough) {
  const Ended ended = TrainAfter("ulimit -n 16");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(HashIn(ended.out), PlainHash());
}

TEST(EnvironmentTest, J19NoDescriptorsAreAnError) {
  const Ended ended = TrainAfter("ulimit -n 3");
  EXPECT_NE(ended.code, 0);
  EXPECT_LT(ended.code, 128);
}

// The bar of a terminal, which `script` (of every Debian) plays.
TEST(TerminalTest, ABarMovesOnATerminal) {
  const Ended ended = Shell(
      absl::StrCat("stty cols 60 2>/dev/null; script -qec '", kFlowgrad,
                   " train tests/tools/testdata/modulo3.pbtxt --epochs 50000 --overwrite --out ",
                   Temp("bar.safetensors"), "' /dev/null"));
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("\r[###"), HasSubstr("epoch "), HasSubstr("loss "),
                    HasSubstr("accuracy "), HasSubstr(" samples/s  "), HasSubstr(" left\x1b[K"),
                    HasSubstr("[########################] 100%"), HasSubstr("\nweights: ")));
}

}  // namespace
}  // namespace flowgrad
