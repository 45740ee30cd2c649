// Trains with the command flowgrad as a user does. Letters are rows of the list of hostile inputs
// that the project keeps: K is the command line, J the environment.

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/tools/flowgrad_command.h"

namespace flowgrad {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kModel[] = "tests/tools/testdata/modulo3.pbtxt";

// Trains the model and gives what was printed.
Ended Train(const std::string& arguments) {
  return Flowgrad(absl::StrCat("train ", kModel, " ", arguments));
}

// The value of a line "name: value".
std::string Line(const std::string& text, const std::string& name) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::ConsumePrefix(&line, name + ": ")) return std::string(line);
  }
  return "";
}

TEST(TrainTest, SaysWhereEverythingWent) {
  const std::string out = Temp("all.safetensors");
  const Ended ended = Train("--out " + out);
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(Line(ended.out, "weights"), out);
  EXPECT_EQ(Line(ended.out, "history"), Temp("all.csv"));
  EXPECT_EQ(Line(ended.out, "plot"), Temp("all.svg"));
  EXPECT_NE(Line(ended.out, "test_accuracy"), "");
  EXPECT_THAT(Line(ended.out, "weights_hash"), MatchesRegex("[0-9a-f]{32}"));
  EXPECT_THAT(Contents(Temp("all.csv")),
              StartsWith("step,epoch,seconds,learning_rate,loss,test_accuracy\n1,"));
  EXPECT_THAT(Contents(Temp("all.svg")), AllOf(StartsWith("<svg"), EndsWith("</svg>\n")));
}

TEST(TrainTest, K2WritesOverNothingInSilence) {
  const std::string out = Temp("kept.safetensors");
  EXPECT_EQ(Train("--out " + out).code, 0);
  const Ended again = Train("--seed 2 --out " + out);
  EXPECT_EQ(again.code, 3);
  EXPECT_EQ(again.err, absl::StrCat("flowgrad: ", out,
                                    ": exists; write over it with --overwrite, or choose another "
                                    "--out\n"));
  EXPECT_EQ(Train("--seed 2 --overwrite --out " + out).code, 0);
}

TEST(TrainTest, NumbersTheRunsOfAModel) {
  const std::string folder = Temp("numbered");
  for (const std::string name : {"modulo3", "modulo3-2", "modulo3-3"}) {
    const Ended ended = Shell(absl::StrCat("here=$PWD; mkdir -p ", folder, "; cd ", folder,
                                           "; $here/", kFlowgrad, " train $here/", kModel));
    EXPECT_EQ(ended.code, 0) << ended.err;
    EXPECT_EQ(Line(ended.out, "weights"), name + ".safetensors");
    EXPECT_EQ(Line(ended.out, "plot"), name + ".svg");
  }
}

TEST(TrainTest, K2RefusesPlacesThatCannotBeWrittenBeforeItTrains) {
  const Ended nowhere = Train("--out " + Temp("no/such/folder.safetensors"));
  EXPECT_EQ(nowhere.code, 3);
  EXPECT_THAT(nowhere.err, EndsWith("folder.safetensors: cannot be written to its folder: no such "
                                    "file or directory\n"));
  EXPECT_THAT(Train(absl::StrCat("--overwrite --out ", kModel)).err,
              HasSubstr("is read and would be written over"));
}

TEST(TrainTest, ProgressIsLinesWhereThereIsNoTerminalAndNothingIfQuiet) {
  const Ended lines = Train("--out " + Temp("lines.safetensors"));
  EXPECT_THAT(lines.err,
              MatchesRegex("100%  epoch 3/3  loss [0-9.]+  test_accuracy [0-9.]+  [0-9]+ "
                           "samples/s  0:00 left\n"));
  const Ended quiet = Train("--quiet --out " + Temp("quiet.safetensors"));
  EXPECT_EQ(quiet.code, 0);
  EXPECT_EQ(quiet.err, "");
}

TEST(TrainTest, SetsAnyField) {
  const auto hash = [](const std::string& arguments) {
    static int number = 0;
    const Ended ended =
        Train(absl::StrCat(arguments, " --out ", Temp(absl::StrCat(++number, ".safetensors"))));
    EXPECT_EQ(ended.code, 0) << ended.err;
    return Line(ended.out, "weights_hash");
  };
  const std::string plain = hash("");
  EXPECT_EQ(hash("--set optimizer.learning_rate=0.1"), plain);
  EXPECT_NE(hash("--set optimizer.learning_rate=0.2"), plain);
  EXPECT_NE(hash("--set 'optimizer=adam { learning_rate: 0.1 }'"), plain);
  EXPECT_NE(hash("--set sampling=WITH_REPLACEMENT"), plain);
  EXPECT_NE(hash("--set 'freeze=encoder/*'"), plain);
  EXPECT_EQ(hash("--set batch_size=2 --set epochs=1"), hash("--batch 2 --epochs 1"));
}

TEST(TrainTest, K1AWrongOptionIsAUsageError) {
  const struct {
    std::string arguments, message;
  } kCases[] = {
      {"--epochs=-1",
       "--epochs: must be a whole number from 0 to 18446744073709551615, but is \"-1\""},
      {"--epochs=0", "--epochs: must be from 1 to 1099511627776, but is \"0\""},
      {"--epochs=1e99", "\"1e99\""},
      {"--epochs=0x10", "\"0x10\""},
      {"--epochs=10abc", "\"10abc\""},
      {"--epochs=", "--epochs"},
      {"--epochs", "--epochs: "},
      {"--eval-every=0", "--eval-every: must be from 1 to 1099511627776, but is \"0\""},
      {"--epochs=2 --steps=2", "--epochs excludes --steps"},
      {"--set", "--set"},
      {"--set optimizer.learning_rate",
       "--set: must be FIELD=VALUE, but is \"optimizer.learning_rate\""},
      {"--set optimizer.lerning_rate=1",
       "--set: the training section has no field \"optimizer.lerning_rate\"; did you mean "
       "\"learning_rate\"?"},
      {"--set batch_size=0x10", "--set: batch_size must be a whole number, but is \"0x10\""},
      {"--take 'x*'", "--take requires --weights"},
  };
  for (const auto& c : kCases) {
    const Ended ended = Train(absl::StrCat(c.arguments, " --out ", Temp("never.safetensors")));
    EXPECT_EQ(ended.code, 2) << c.arguments << "\n" << ended.err;
    EXPECT_THAT(ended.err, AllOf(StartsWith("flowgrad: "), HasSubstr(c.message))) << c.arguments;
  }
}

TEST(TrainTest, AValueOutOfRangeIsBadInputThatNamesTheField) {
  const Ended ended = Train("--set optimizer.learning_rate=-1 --set schedule.warm_up=-2");
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(
      ended.err,
      AllOf(HasSubstr("training.optimizer.sgd.learning_rate must be above 0 and finite, but is -1"),
            HasSubstr("training.schedule.warm_up")));
}

TEST(TrainTest, StartsFromWeights) {
  const std::string first = Temp("first.safetensors"), second = Temp("second.safetensors");
  EXPECT_EQ(Train("--out " + first).code, 0);
  // What is frozen stays as the file has it.
  const Ended ended =
      Train(absl::StrCat("--seed 5 --weights ", first, " --set freeze=* --out ", second));
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.err, HasSubstr("every parameter is frozen, so that there is nothing to train"));
  const Ended tuned = Train(absl::StrCat(
      "--seed 5 --weights ", first, " --take 'encoder/*' --set 'freeze=encoder/*' --out ", second));
  EXPECT_EQ(tuned.code, 0) << tuned.err;
  const Ended none = Train(
      absl::StrCat("--weights ", first, " --take 'decoder/*' --out ", Temp("none.safetensors")));
  EXPECT_EQ(none.code, 3);
  EXPECT_THAT(none.err, HasSubstr("no state matches \"decoder/*\""));
}

TEST(TrainTest, WarnsOfWeightsThatAreNotFinite) {
  const std::string good = Temp("finite.safetensors"), bad = Temp("not_finite.safetensors");
  ASSERT_EQ(Train("--quiet --out " + good).code, 0);
  std::string bytes = Contents(good);
  bytes.replace(bytes.size() - 4, 4, "\xff\xff\xff\x7f");
  Write(bad, bytes);
  const Ended ended = Train(absl::StrCat("--quiet --overwrite --weights ", bad, " --out ", good));
  EXPECT_THAT(ended.err, MatchesRegex(absl::StrCat("flowgrad: warning: ", bad,
                                                   ": tensor \"[^\"]+\" is not finite at element "
                                                   "[0-9]+\n.*")));
  EXPECT_THAT(Flowgrad(absl::StrCat("run ", kModel, " --weights ", bad)).err,
              HasSubstr("is not finite at element"));
}

TEST(TrainTest, TracesItsFirstRuns) {
  const std::string trace = Temp("trace.json");
  const Ended ended =
      Train(absl::StrCat("--threads 2 --trace ", trace, " --out ", Temp("traced.safetensors")));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(Line(ended.out, "trace"),
              MatchesRegex(absl::StrCat(trace, ", the first [0-9]+ of [0-9]+ runs")));
  const nlohmann::json file = nlohmann::json::parse(Contents(trace));
  std::map<std::string, int> events;  // by category
  for (const nlohmann::json& event : file["traceEvents"]) {
    ++events[event.value("cat", "names")];
  }
  EXPECT_GT(events["run"], 3);
  EXPECT_GE(events["task"], events["run"]);
  EXPECT_GT(events["step"], events["task"]);
  EXPECT_EQ(events["names"], 3);  // the process, its runs, the one worker of plans of one task

  const Ended plain = Train("--threads 2 --out " + Temp("plain.safetensors"));
  EXPECT_EQ(Line(plain.out, "weights_hash"), Line(ended.out, "weights_hash"));
  EXPECT_EQ(Line(plain.out, "trace"), "");
}

TEST(TrainTest, ATraceThatCannotBeWrittenIsFoundBeforeItTrains) {
  const std::string out = Temp("untraced.safetensors");
  const auto error = [&](const std::string& trace) {
    const Ended ended = Train(absl::StrCat("--out ", out, " --trace ", trace));
    EXPECT_NE(ended.code, 0);
    return ended.err;
  };
  EXPECT_THAT(error("no/such/folder.json"),
              EndsWith("no/such/folder.json: cannot be written to its folder: no such file or "
                       "directory\n"));
  EXPECT_THAT(error(out), EndsWith("--trace and --out name the same file\n"));
  const std::string there = Temp("there.json");
  Write(there, "{}");
  EXPECT_THAT(error(there),
              EndsWith("exists; write over it with --overwrite, or choose another --trace\n"));
  EXPECT_EQ(Contents(there), "{}");
  EXPECT_EQ(Contents(out), "");
}

// Starts a run that would take minutes, sends it a signal, and gives what was printed and its code.
Ended Interrupted(const std::string& signals, const std::string& out) {
  return Shell(absl::StrCat(kFlowgrad, " train ", kModel, " --steps 1000000000 --trace ", out,
                            ".json --out ", out, " & pid=$!; sleep 1; ", signals, " wait $pid"));
}

TEST(TrainTest, J8CtrlCStopsAtTheBorderOfAStepAndSaysWhatWasSaved) {
  const std::string out = Temp("interrupted.safetensors");
  const Ended ended = Interrupted("kill -INT $pid;", out);
  EXPECT_EQ(ended.code, 130);
  EXPECT_THAT(ended.err, MatchesRegex("(.|\n)*flowgrad: interrupted after step [1-9][0-9]* of "
                                      "1000000000; its weights are in (.|\n)*"));
  EXPECT_EQ(Line(ended.out, "weights"), out);
  EXPECT_EQ(Line(ended.out, "test_accuracy"), "");
  EXPECT_NE(Contents(out), "");
  EXPECT_NE(Contents(Temp("interrupted.csv")), "");
  EXPECT_TRUE(nlohmann::json::parse(Contents(out + ".json")).contains("traceEvents"));
  EXPECT_THAT(Line(ended.out, "trace"), MatchesRegex(".*, the first [0-9]+ of [0-9]+ runs"));
}

TEST(TrainTest, J8SigtermDoesTheSame) {
  EXPECT_EQ(Interrupted("kill -TERM $pid;", Temp("terminated.safetensors")).code, 143);
}

TEST(RunMetricsTest, MeasuresWhatTrainingMeasured) {
  const std::string out = Temp("measured.safetensors");
  const Ended trained = Train("--epochs 100 --out " + out);
  const Ended measured = Flowgrad(absl::StrCat("run ", kModel, " --weights ", out, " --metrics"));
  EXPECT_EQ(measured.code, 0) << measured.err;
  EXPECT_NE(Line(measured.out, "test_accuracy"), "");
  EXPECT_EQ(Line(measured.out, "test_accuracy"), Line(trained.out, "test_accuracy"));
}

TEST(RunMetricsTest, ShowsAnswersBesideTheTruth) {
  const Ended ended = Flowgrad(absl::StrCat("run ", kModel, " --answers 16 --part train"));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("sample  bits     answer  truth  right\n"),
                               HasSubstr("\n5       1 0 1 0  "), HasSubstr("train_accuracy: ")));
}

TEST(RunMetricsTest, WritesPredictions) {
  const std::string csv = Temp("predictions.csv"), npy = Temp("predictions.npy");
  EXPECT_EQ(Flowgrad(absl::StrCat("run ", kModel, " --predictions ", csv)).code, 0);
  const std::vector<std::string> lines = absl::StrSplit(Contents(csv), '\n');
  ASSERT_EQ(lines.size(), 18u);
  EXPECT_EQ(lines[0], "sample,scores[0],scores[1],scores[2]");
  EXPECT_THAT(lines[16], StartsWith("15,"));
  EXPECT_EQ(Flowgrad(absl::StrCat("run ", kModel, " --batch 5 --predictions ", npy)).code, 0);
  EXPECT_THAT(Contents(npy), HasSubstr("'descr': '<f4', 'fortran_order': False, 'shape': (16, 3)"));
  const Ended two = Flowgrad(absl::StrCat("run ", kModel, " --fetch scores h --predictions ", npy));
  EXPECT_EQ(two.code, 3);
  EXPECT_THAT(two.err,
              HasSubstr("a .npy has one array, but the model has the outputs \"scores\", \"h\""));
  EXPECT_THAT(Flowgrad(absl::StrCat("run ", kModel, " --predictions ", Temp("p.txt"))).err,
              HasSubstr("predictions must go to a .csv or a .npy"));
}

TEST(RunMetricsTest, PredictsWhatHasNoLabel) {
  const std::string table = Temp("new_flowers.csv"), out = Temp("species.csv");
  Write(table, "sepal_length,sepal_width,petal_length,petal_width\n5.1,3.5,1.4,0.2\n");
  const std::string run = absl::StrCat("run examples/iris/iris.pbtxt --data ", table);
  const Ended ended = Flowgrad(absl::StrCat(run, " --predictions ", out));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.out, absl::StrCat("predictions: ", out, "\n"));
  EXPECT_THAT(Contents(out), MatchesRegex("sample,.*\n0,.*\n"));
  for (const std::string asked : {" --metrics", " --answers 1"}) {
    const Ended refused = Flowgrad(run + asked);
    EXPECT_EQ(refused.code, 3);
    EXPECT_THAT(refused.err, HasSubstr("no field \"label\""));
  }
}

TEST(RunMetricsTest, RefusesPredictionsThatAreNotOnePerSample) {
  const Ended ended =
      Flowgrad(absl::StrCat("run ", kModel, " --fetch loss --predictions ", Temp("scalar.csv")));
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.err, HasSubstr("value \"loss\" must have a row for each of the 16 samples, but "
                                   "is float[]"));
}

TEST(RunMetricsTest, RefusesWhatCannotBeMeasured) {
  EXPECT_EQ(Flowgrad(absl::StrCat("run ", kModel, " --metrics --gradients")).code, 2);
  const Ended no_data = Flowgrad("run tests/tools/testdata/two_layers.pbtxt --metrics");
  EXPECT_EQ(no_data.code, 3);
  EXPECT_THAT(no_data.err, HasSubstr("two_layers.pbtxt: training.metric names no metric"));
  EXPECT_THAT(Flowgrad("run tests/tools/testdata/two_layers.pbtxt --predictions x.csv").err,
              HasSubstr("two_layers.pbtxt: training.data says no source"));
  EXPECT_THAT(Flowgrad(absl::StrCat("run ", kModel, " --metrics --data /no/such")).err,
              Not(HasSubstr("internal")));
}

}  // namespace
}  // namespace flowgrad
