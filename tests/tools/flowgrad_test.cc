// Runs the command flowgrad as a user does, and looks at exit codes, standard output and standard
// error.

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "ops/tensor.h"
#include "tests/tools/flowgrad_command.h"
#include "training/data/npy.h"
#include "training/safetensors.h"

namespace flowgrad {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kTwoLayers[] = "tests/tools/testdata/two_layers.pbtxt";
constexpr char kNumbers[] = "tests/tools/testdata/numbers.pbtxt";
constexpr char kTwoInputs[] = "tests/tools/testdata/two_inputs.pbtxt";
constexpr char kTinyGradient[] = "tests/tools/testdata/tiny_gradient.pbtxt";

void ExpectNear(const nlohmann::json& tensor, const std::vector<double>& expected) {
  ASSERT_EQ(tensor["values"].size(), expected.size()) << tensor;
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(tensor["values"][i].get<double>(), expected[i], 1e-7) << i;
  }
}

TEST(FlowgradTest, PrintsHelpWithoutArguments) {
  const Ended ended = Flowgrad("");
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.out, AllOf(HasSubstr("run"), HasSubstr("check"), HasSubstr("show"),
                               HasSubstr("grad"), HasSubstr("ops")));
  EXPECT_EQ(ended.err, "");
}

TEST(FlowgradTest, PrintsItsVersion) {
  const Ended ended = Flowgrad("--version");
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.out, "flowgrad 0.1.0\n");
}

TEST(FlowgradTest, EveryCommandHasHelpWithAnExample) {
  for (const char* command : {"run", "check", "show", "grad", "ops", "bench"}) {
    const Ended ended = Flowgrad(absl::StrCat(command, " --help"));
    EXPECT_EQ(ended.code, 0) << command;
    EXPECT_THAT(ended.out,
                AllOf(HasSubstr("Examples:"), HasSubstr(absl::StrCat("flowgrad ", command, " "))));
    EXPECT_EQ(ended.err, "");
  }
}

TEST(FlowgradTest, AWrongCommandLineIsAUsageError) {
  const struct {
    std::string arguments, message;
  } kCases[] = {
      {"rum", "unknown command \"rum\"; did you mean \"run\"?; see flowgrad --help"},
      {"--frobnicate", "unknown option \"--frobnicate\"; see flowgrad --help"},
      {"run m --frobnicate", "unknown option \"--frobnicate\"; see flowgrad run --help"},
      {"run m --frobnicate=3", "unknown option \"--frobnicate=3\"; see flowgrad run --help"},
      {"run m again", "unexpected argument \"again\"; see flowgrad run --help"},
      {"run", "MODEL is required; see flowgrad run --help"},
      {"grad m", "--output is required; see flowgrad grad --help"},
      {"run m --weights", "--weights: 1 required FILE missing; see flowgrad run --help"},
      {"run m --weights --training",
       "--weights: needs a value, but \"--training\" follows; see flowgrad run --help"},
      {"run m --seed -1",
       "--seed: must be a whole number from 0 to 18446744073709551615, but is "
       "\"-1\"; see flowgrad run --help"},
      {"run m --seed 0x10", "\"0x10\"; see flowgrad run --help"},
      {"run m --seed 1e99", "\"1e99\"; see flowgrad run --help"},
      {"run m --seed 10abc", "\"10abc\"; see flowgrad run --help"},
      {"run m --seed 18446744073709551616", "\"18446744073709551616\"; see flowgrad run --help"},
      {"run m --input x.npy",
       "--input: must be NAME=FILE, but is \"x.npy\"; see flowgrad run --help"},
      {"run m --format xml",
       "--format: must be json or table, but is \"xml\"; see flowgrad run --help"},
      {"run m --gradients=weights",
       "--gradients: must be parameters, inputs or all, but is \"weights\"; see flowgrad run "
       "--help"},
  };
  for (const auto& c : kCases) {
    const Ended ended = Flowgrad(c.arguments);
    EXPECT_EQ(ended.code, 2) << c.arguments;
    EXPECT_THAT(ended.err, AllOf(StartsWith("flowgrad: "), EndsWith(c.message + "\n")));
    EXPECT_EQ(ended.out, "") << c.arguments;
  }
}

TEST(FlowgradTest, AMissingModelIsBadInput) {
  const Ended ended = Flowgrad("run nothing.pbtxt");
  EXPECT_EQ(ended.code, 3);
  EXPECT_EQ(ended.err, "flowgrad: nothing.pbtxt: no such file or directory\n");
}

TEST(FlowgradTest, EveryErrorOfAModelStandsInALineWithItsFile) {
  const std::string path = Temp("bad.pbtxt");
  Write(path, R"(format_version: 1 graph {
    input { name: "x" type: "float[2]" }
    node { name: "a" op: "Tahn" input: "x" }
    node { name: "b" op: "Relu" input: "y" } })");
  const Ended ended = Flowgrad(absl::StrCat("show ", path));
  EXPECT_EQ(ended.code, 3);
  EXPECT_EQ(
      ended.err,
      absl::StrCat("flowgrad: ", path,
                   ": node \"a\" (Tahn): op \"Tahn\" is not registered; did you mean \"Tanh\"?\n",
                   "flowgrad: ", path, ": node \"b\" (Relu): input \"y\" names no value\n"));
  EXPECT_EQ(ended.out, "");
}

TEST(FlowgradTest, ErrorsAreCutAt4KiB) {
  const std::string path = Temp("bad.pbtxt");
  std::string model = "format_version: 1 graph {";
  for (int i = 0; i < 1000; ++i) {
    absl::StrAppend(&model, "node { name: \"node", i, "\" op: \"Nothing\" }\n");
  }
  Write(path, model + "}");
  const Ended ended = Flowgrad(absl::StrCat("show ", path));
  EXPECT_EQ(ended.code, 3);
  EXPECT_LE(ended.err.size(), 4096);
  EXPECT_THAT(ended.err, EndsWith(" more errors\n"));
}

TEST(FlowgradTest, ControlCharactersInNamesAreEscaped) {
  const Ended ended = Flowgrad("run \"$(printf 'a\\033[31m')\"");
  EXPECT_EQ(ended.code, 3);
  EXPECT_EQ(ended.err, "flowgrad: a\\x1b[31m: no such file or directory\n");
}

TEST(FlowgradRunTest, GivesOutputsGradientsAndFetchedValues) {
  const nlohmann::json json =
      Json(Flowgrad(absl::StrCat("run ", kTwoLayers, " --gradients --fetch A1 --fetch loss")));
  EXPECT_EQ(json["outputs"].size(), 1);
  EXPECT_EQ(json["outputs"]["y"]["dtype"], "float");
  EXPECT_EQ(json["outputs"]["y"]["shape"], nlohmann::json({1, 1}));
  ExpectNear(json["outputs"]["y"], {0.69028349});
  EXPECT_EQ(json["gradients"].size(), 2);
  ExpectNear(json["gradients"]["W2"], {0.02767403, 0.02700164});
  ExpectNear(json["gradients"]["W1"], {0.00092907, 0.00286008, 0.00238904, 0.00735448});
  EXPECT_EQ(json["gradients"]["W1"]["shape"], nlohmann::json({2, 2}));
  EXPECT_EQ(json["fetched"].size(), 2);
  ExpectNear(json["fetched"]["A1"], {0.6802672, 0.6637387});
  ExpectNear(json["fetched"]["loss"], {0.0181039});
  EXPECT_EQ(json["fetched"]["loss"]["shape"], nlohmann::json::array());
}

TEST(FlowgradRunTest, GivesOnlyWhatIsAskedFor) {
  const nlohmann::json json = Json(Flowgrad(absl::StrCat("run ", kTwoLayers)));
  EXPECT_EQ(json.size(), 1);
  EXPECT_TRUE(json.contains("outputs"));
}

TEST(FlowgradRunTest, DifferentiatesByInputsOrByAll) {
  nlohmann::json json = Json(Flowgrad(absl::StrCat("run ", kTwoLayers, " --gradients=inputs")));
  EXPECT_EQ(json["gradients"].size(), 2);
  ExpectNear(json["gradients"]["x"], {0.00353411, 0.00702658});
  json = Json(Flowgrad(absl::StrCat("run ", kTwoLayers, " --gradients=all")));
  ExpectNear(json["gradients"]["Z1"], {0.00265449, 0.00817165});
  ExpectNear(json["gradients"]["Z2"], {0.04068113});
  ExpectNear(json["gradients"]["loss"], {1});
}

TEST(FlowgradRunTest, DigitsReadBackExactlyAndWhatIsNoNumberIsText) {
  const nlohmann::json json = Json(Flowgrad(absl::StrCat("run ", kNumbers)));
  const nlohmann::json& outputs = json["outputs"];
  EXPECT_EQ(outputs["quotient"]["values"], nlohmann::json({"nan", "inf", "-inf", "inf"}));
  EXPECT_EQ(outputs["tenth"]["dtype"], "double");
  EXPECT_EQ(outputs["tenth"]["values"][3].get<double>(), static_cast<double>(0.1f));
  EXPECT_EQ(outputs["large"]["dtype"], "int64");
  EXPECT_EQ(outputs["large"]["values"][0].get<int64_t>(), 9007199254740993);
  EXPECT_EQ(outputs["positive"]["values"], nlohmann::json({false, true, false, true}));
}

TEST(FlowgradRunTest, ReadsAndWritesNpy) {
  const std::string x = Temp("x.npy"), y = Temp("y.npy"), gradient = Temp("gradient.npy");
  ASSERT_TRUE(WriteNpy(x, Tensor::Of<float>({2, 2}, std::vector<float>{0.35, 0.9, 0, 0})).ok());
  ASSERT_TRUE(
      WriteNpy(Temp("t.npy"), Tensor::Of<float>({2, 1}, std::vector<float>{0.5, 0.5})).ok());
  const nlohmann::json json =
      Json(Flowgrad(absl::StrCat("run ", kTwoLayers, " --input x=", x, " t=", Temp("t.npy"),
                                 " --gradients --output y=", y, " gradients/W2=", gradient)));
  const absl::StatusOr<Tensor> written = ReadNpy(y);
  ASSERT_TRUE(written.ok()) << written.status();
  ASSERT_EQ(written->dims(), Dims({2, 1}));
  EXPECT_NEAR(written->at(0), 0.69028349, 1e-7);
  EXPECT_NEAR(written->at(1), 1 / (1 + std::exp(-0.6)), 1e-7) << "of x = 0: sigmoid(0.5·1.2)";
  EXPECT_EQ(ReadNpy(gradient)->dims(), Dims({2, 1}));
  EXPECT_EQ(json["outputs"]["y"]["shape"], nlohmann::json({2, 1}));
}

TEST(FlowgradRunTest, DifferentiatesAnyValueGivenAnUpstreamGradient) {
  const std::string a = Temp("a.npy"), u = Temp("u.npy");
  ASSERT_TRUE(WriteNpy(a, Tensor::Of<float>({1, 2}, std::vector<float>{3, 4})).ok());
  ASSERT_TRUE(WriteNpy(u, Tensor::Of<float>({1, 2}, std::vector<float>{10, 100})).ok());
  const std::string run = absl::StrCat("run ", kTwoInputs, " --input a=", a, " b=", u);
  const nlohmann::json json =
      Json(Flowgrad(absl::StrCat(run, " --gradients=inputs --upstream product=", u)));
  EXPECT_EQ(json["gradients"]["a"]["values"], nlohmann::json({100, 10000}));
  EXPECT_EQ(json["gradients"]["b"]["values"], nlohmann::json({30, 400}));

  const Ended unclear = Flowgrad(absl::StrCat(run, " --gradients"));
  EXPECT_EQ(unclear.code, 3);
  EXPECT_THAT(unclear.err, HasSubstr("several outputs: \"sum\", \"product\""));
  EXPECT_THAT(unclear.err, HasSubstr("--upstream"));
}

TEST(FlowgradRunTest, NamesAllMissingInputs) {
  const Ended ended = Flowgrad(absl::StrCat("run ", kTwoInputs));
  EXPECT_EQ(ended.code, 3);
  EXPECT_EQ(ended.out, "");
  EXPECT_EQ(
      ended.err,
      absl::StrCat("flowgrad: ", kTwoInputs,
                   ": input \"a\" float[N,2] has no value; give one with --input a=FILE.npy\n",
                   "flowgrad: ", kTwoInputs,
                   ": input \"b\" float[N,2] has no value; give one with --input b=FILE.npy\n"));
}

TEST(FlowgradRunTest, RefusesInputsThatDoNotFit) {
  const std::string a = Temp("a.npy"), wrong = Temp("wrong.npy");
  ASSERT_TRUE(WriteNpy(a, Tensor::Of<float>({1, 2}, std::vector<float>{3, 4})).ok());
  ASSERT_TRUE(WriteNpy(wrong, Tensor::Of<double>({1, 2}, std::vector<double>{3, 4})).ok());
  Ended ended = Flowgrad(absl::StrCat("run ", kTwoInputs, " --input a=", a, " b=", wrong));
  EXPECT_EQ(ended.code, 3);
  EXPECT_EQ(ended.err, absl::StrCat("flowgrad: ", wrong,
                                    ": input \"b\" must be float[N,2], but the "
                                    "file has double[1,2]\n"));
  ended = Flowgrad(absl::StrCat("run ", kTwoInputs, " --input a=", a, " c=", a));
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.err, HasSubstr("no input is named \"c\""));
  ended = Flowgrad(absl::StrCat("run ", kTwoLayers, " --fetch squard"));
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.err, HasSubstr("no value is named \"squard\"; did you mean \"squared\"?"));
}

TEST(FlowgradRunTest, TakesWeightsFromAFileAndRefusesThoseOfAnotherModel) {
  const std::string weights = Temp("weights.safetensors");
  const Tensor w1 = Tensor::Filled(DType::kFloat, {2, 2}, 0);
  const Tensor w2 = Tensor::Filled(DType::kFloat, {2, 1}, 1);
  ASSERT_TRUE(SaveTensors(weights, {{"W1", w1}, {"W2", w2}}, {}).ok());
  const std::string run = absl::StrCat("run ", kTwoLayers, " --weights ", weights);
  ExpectNear(Json(Flowgrad(run))["outputs"]["y"], {1 / (1 + std::exp(-1.0))});

  ASSERT_TRUE(SaveTensors(weights, {{"W1", w2}, {"V", w2}}, {}).ok());
  const Ended ended = Flowgrad(run);
  EXPECT_EQ(ended.code, 3);
  EXPECT_EQ(
      ended.err,
      absl::StrCat("flowgrad: ", weights, ": tensor \"W1\" must be float[2,2], but is float[2,1]\n",
                   "flowgrad: ", weights, ": has no tensor \"W2\" float[2,1] for the model\n",
                   "flowgrad: ", weights,
                   ": tensor \"V\" is no parameter or variable of the model\n"));
}

TEST(FlowgradRunTest, DoesNotWriteOverItsInputs) {
  const std::string model = Temp("model.pbtxt");
  Write(model, Contents(kTwoLayers));
  const Ended ended = Flowgrad(absl::StrCat("run ", model, " --output y=", Temp("./model.pbtxt")));
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.err, EndsWith(": is read and would be written over\n"));
  EXPECT_EQ(Contents(model), Contents(kTwoLayers));
}

TEST(FlowgradRunTest, SaysWhenItsOutputCannotBeWritten) {
  const int status = std::system(
      absl::StrCat("tools/flowgrad run ", kTwoLayers, " >/dev/full 2>", Temp("err"), " </dev/null")
          .c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_EQ(Contents(Temp("err")), "flowgrad: standard output: No space left on device\n");
  const Ended ended = Flowgrad(absl::StrCat("run ", kTwoLayers, " --output y=/nowhere/y.npy"));
  EXPECT_EQ(ended.code, 3);
  EXPECT_THAT(ended.err, StartsWith("flowgrad: /nowhere/y.npy: "));
  EXPECT_EQ(ended.out, "");
}

TEST(FlowgradRunTest, PrintsATableOfValuesAndDerivatives) {
  const Ended ended = Flowgrad(absl::StrCat("run ", kTwoLayers, " --gradients --format table"));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, StartsWith("node "));
  EXPECT_THAT(ended.out, HasSubstr("derivative\n"));
  EXPECT_THAT(ended.out, HasSubstr("[[0.35 0.9]]"));
  EXPECT_THAT(ended.out, ::testing::ContainsRegex("\nZ1 .*\\[\\[0.755[0-9]* 0.6[0-9]*\\]\\]"));
  EXPECT_THAT(ended.out, ::testing::ContainsRegex("\nZ2 .*\\[\\[0.8014[0-9]*\\]\\] *\\[\\[0.0406"));
  EXPECT_EQ(
      Flowgrad(absl::StrCat("run ", kTwoLayers, " --gradients --format table --fetch gradients/W1"))
          .out,
      ended.out);
  EXPECT_THAT(Flowgrad(absl::StrCat("run ", kTwoLayers, " --format table")).out,
              Not(HasSubstr("derivative")));
}

TEST(FlowgradShowTest, ShowsTheGraphAndItsBackwardGraph) {
  Ended ended = Flowgrad(absl::StrCat("show ", kTwoLayers));
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.out, HasSubstr("Z1 = MatMul(x, W1): float[N,2]\n"));
  EXPECT_THAT(ended.out, Not(HasSubstr("loss"))) << "inference does not need it";
  ended = Flowgrad(absl::StrCat("show ", kTwoLayers, " --gradients"));
  EXPECT_THAT(ended.out, HasSubstr("gradient W1 = gradients/W1\n"));
  EXPECT_THAT(ended.out, HasSubstr("# MatMul of Z1"));
}

TEST(FlowgradShowTest, DrawsWithNamesThatAreOnlyText) {
  const std::string path = Temp("names.pbtxt");
  Write(path, R"(format_version: 1 graph {
    input { name: "x" type: "float[2]" }
    node { name: "a/b\\n<b>];}" op: "Relu" input: "x" } })");
  const Ended ended = Flowgrad(absl::StrCat("show ", path, " --format dot"));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, StartsWith("digraph \"model\" {\n"));
  EXPECT_THAT(ended.out, HasSubstr("label=\"a/b\\\\n<b>];}\\nRelu\""));
  EXPECT_THAT(ended.out, HasSubstr("n0 -> n1 [label=\"float[2]\"]"));
}

TEST(FlowgradGradTest, WritesAModelThatRunsAndShows) {
  const std::string backward = Temp("backward.pbtxt");
  Ended ended = Flowgrad(absl::StrCat("grad ", kTwoLayers, " -o ", backward, " --by all"));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.out, "");
  const nlohmann::json json =
      Json(Flowgrad(absl::StrCat("run ", backward, " --gradients --fetch gradients/W1")));
  ExpectNear(json["outputs"]["y"], {0.69028349});
  ExpectNear(json["gradients"]["x"], {0.00353411, 0.00702658});
  ExpectNear(json["fetched"]["gradients/W1"], {0.00092907, 0.00286008, 0.00238904, 0.00735448});
  ended = Flowgrad(absl::StrCat("show ", backward));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("gradient W1 = gradients/W1\n"));
}

TEST(FlowgradGradTest, DifferentiatesABackwardGraphAgain) {
  const std::string first = Temp("first.pb"), second = Temp("second.pb");
  ASSERT_EQ(
      Flowgrad(absl::StrCat("grad ", kTwoInputs, " --of product --by inputs -o ", first)).code, 0);
  const Ended ended =
      Flowgrad(absl::StrCat("grad ", first, " --of gradients/a --by inputs -o ", second));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(Flowgrad(absl::StrCat("show ", second)).code, 0);
}

TEST(FlowgradCheckTest, PassesOnARightModel) {
  const Ended ended = Flowgrad(absl::StrCat("check ", kTwoLayers));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_EQ(ended.err, "");
  EXPECT_THAT(ended.out, HasSubstr("Z1 = MatMul(x, W1): float[N,2]\n"));
  EXPECT_THAT(ended.out, ::testing::ContainsRegex("\nW1 .*ok\n"));
  EXPECT_THAT(ended.out, Not(HasSubstr("WRONG")));
}

TEST(FlowgradCheckTest, NoticesEveryMistakeInTheRulesOfARightModel) {
  const Ended ended = Flowgrad(absl::StrCat("check ", kTwoLayers, " --mutate"));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, ::testing::ContainsRegex("\nSigmoid +noticed +noticed +noticed"));
  EXPECT_THAT(ended.out, Not(HasSubstr("NOT NOTICED")));
}

TEST(FlowgradCheckTest, SaysWhichMistakeItCannotNotice) {
  const Ended ended = Flowgrad(absl::StrCat("check ", kTinyGradient, " --mutate"));
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.out, HasSubstr("NOT NOTICED"));
  EXPECT_THAT(ended.err, AllOf(StartsWith(absl::StrCat("flowgrad: ", kTinyGradient, ": mutation ")),
                               HasSubstr("was not noticed\n")));
}

TEST(FlowgradCheckTest, FailsWhenTheModelStandsOnKinks) {
  const std::string path = Temp("kinks.pbtxt");
  Write(path, R"(format_version: 1 graph {
    parameter { name: "w" type: "float[30]" }
    node { name: "y" op: "Relu" input: "w" } })");
  const Ended ended = Flowgrad(absl::StrCat("check ", path));
  EXPECT_EQ(ended.code, 1);
  EXPECT_THAT(ended.err,
              HasSubstr("at most 5 % of the elements may be on a kink, but 30 of 30 are"));
}

TEST(FlowgradCheckTest, DrawsInputsThatAModelDoesNotGive) {
  const Ended ended = Flowgrad(absl::StrCat("check ", kTwoInputs));
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_THAT(ended.out, ::testing::ContainsRegex("\na +8 .*ok\nb +8 .*ok\n"));
}

TEST(FlowgradOpsTest, ListsAndDescribesOps) {
  Ended ended = Flowgrad("ops");
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.out, ::testing::ContainsRegex("\nTanh +tanh\\(input\\) +yes "));
  ended = Flowgrad("ops Gemm");
  EXPECT_EQ(ended.code, 0);
  EXPECT_THAT(ended.out, HasSubstr("transA (int, default 0)"));
  ended = Flowgrad("ops Gem");
  EXPECT_EQ(ended.code, 3);
  EXPECT_EQ(ended.err, "flowgrad: no op is named \"Gem\"; did you mean \"Gemm\"?\n");
}

}  // namespace
}  // namespace flowgrad
