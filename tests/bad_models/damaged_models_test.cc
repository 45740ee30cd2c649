// A model cut off anywhere, or with any one bit flipped: it is refused in words, or is a good model
// that is built, planned and trained.

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "proto/model_file.h"
#include "tests/fuzz/exercise.h"
#include "tests/tools/flowgrad_command.h"

namespace flowgrad {
namespace {

// With something of everything: symbols, all kinds of numbers, attributes, names of outputs.
constexpr char kText[] = R"(format_version: 1
graph {
  name: "tiny"
  input { name: "x" type: "float[N,2]" value { values: [1, 2] } }
  parameter { name: "w" type: "float[2,3]" init { normal { stddev: 1 } } }
  variable { name: "v" type: "int64[]" init { constant: 3 } }
  node { name: "c" op: "Constant" attribute { name: "value" t { type: "int64[1]" ints: 1 } } }
  node { name: "p" op: "MatMul" input: ["x", "w"] output: "q" }
  node { name: "s" op: "Softmax" input: "q" attribute { name: "axis" i: 1 } }
  node { name: "y" op: "ReduceSum" input: ["s", "c"] attribute { name: "keepdims" i: 0 } }
  output: "y"
  update { variable: "v" value: "v" }
}
training { optimizer { sgd { learning_rate: 0.1 momentum: 0.9 } } batch_size: 1 steps: 2 }
)";

std::string Binary() {
  const absl::StatusOr<ModelDef> model = ParseModel(kText, "tiny.pbtxt");
  EXPECT_TRUE(model.ok()) << model.status();
  return model->SerializeAsString();
}

// How many of the damaged models were good ones.
class Damage {
 public:
  void Try(const std::string& bytes) {
    const absl::StatusOr<ModelDef> model = ParseModel(bytes, "m");
    ++tried_;
    if (!model.ok()) {
      CheckRefusal(model.status());
      EXPECT_TRUE(absl::StartsWith(model.status().message(), "m:")) << model.status();
      return;
    }
    built_ += Exercise(*model) != Came::kRefused;
  }
  int tried() const { return tried_; }
  int built() const { return built_; }

 private:
  int tried_ = 0, built_ = 0;
};

TEST(DamagedModelsTest, CutAtEveryByte) {
  Damage text, binary;
  const std::string bytes = Binary();
  for (size_t size = 0; size < bytes.size(); ++size) binary.Try(bytes.substr(0, size));
  for (size_t size = 0; size < sizeof(kText) - 1; ++size) text.Try(std::string(kText, size));
  // Only the cut before the training section, which is optional, and spaces at the end of a text.
  EXPECT_EQ(binary.built(), 1);
  EXPECT_LE(text.built(), 5);
  EXPECT_GT(binary.tried() + text.tried(), 900);
}

TEST(DamagedModelsTest, WithEveryBitFlipped) {
  Damage damage;
  for (const std::string& whole : {Binary(), std::string(kText)}) {
    for (size_t i = 0; i < whole.size() * 8; ++i) {
      std::string flipped = whole;
      flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << i % 8));
      damage.Try(flipped);
    }
  }
  // Names and numbers may be others.
  EXPECT_GT(damage.tried(), 7000);
  EXPECT_GT(damage.built(), 100);
}

// The command, each time in a process of its own.
TEST(DamagedModelsTest, TheCommandRefusesEveryCut) {
  const std::string bytes = Binary(), folder = Temp("cuts");
  const Ended ended = Shell(absl::StrCat("mkdir -p ", folder));
  ASSERT_EQ(ended.code, 0);
  std::string script = "ulimit -c 0\n";
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string path = absl::StrCat(folder, "/", size, ".pb");
    Write(path, bytes.substr(0, size));
    absl::StrAppend(&script, kFlowgrad, " show ", path, " >/dev/null 2>", folder, "/err; echo \"",
                    size, " $? $(wc -l <", folder, "/err)\"\n");
  }
  int good = 0;
  for (const absl::string_view line : absl::StrSplit(Shell(script).out, '\n', absl::SkipEmpty())) {
    const bool shown = absl::EndsWith(line, " 0 0");
    good += shown;
    EXPECT_TRUE(shown || absl::EndsWith(line, " 3 1")) << line;
  }
  EXPECT_EQ(good, 1);
}

}  // namespace
}  // namespace flowgrad
