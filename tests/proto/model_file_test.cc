// Model files: what is read, what is refused and in which words, and that a refused file stays
// cheap.

#include "proto/model_file.h"

#include <malloc.h>

#include <filesystem>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/wire.h"

namespace flowgrad {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kText[] = R"(# A comment.
format_version: 1
graph {
  input { name: "x" type: "float[N,2]" }
  parameter { name: "w" type: "float[2,1]" init { value { values: [0.1, -2] } } }
  node { name: "größe" op: "MatMul" input: ["x", "w"] attribute { name: "raw" t { raw: "\000\377" } } }
}
training { loss: "größe" batch_size: 3 seed: 7 }
)";

ModelDef Model() { return *ParseModel(kText, "model.pbtxt"); }

// The message of a refused file; "" if it is not refused as InvalidArgument.
std::string Refusal(absl::string_view bytes, absl::string_view name = "m.pbtxt") {
  const absl::Status status = ParseModel(bytes, name).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  return std::string(status.message());
}

// The file with one node of this text, on line 3.
std::string WithNode(absl::string_view node) {
  return absl::StrCat("format_version: 1\ngraph {\nnode { ", node, " }\n}\n");
}

TEST(ModelFileTest, ReadsText) {
  const ModelDef model = Model();
  EXPECT_EQ(model.graph().node(0).name(), "größe");
  EXPECT_EQ(model.graph().node(0).input(1), "w");
  EXPECT_EQ(model.graph().node(0).attribute(0).t().raw(), std::string("\0\xff", 2));
  EXPECT_EQ(model.graph().parameter(0).init().value().values(1), -2);
  EXPECT_EQ(model.training().seed(), 7u);
}

TEST(ModelFileTest, ReadsTextAfterAByteOrderMark) {
  EXPECT_TRUE(ParseModel(absl::StrCat("\xef\xbb\xbf", kText), "m").ok());
}

TEST(ModelFileTest, ReadsBackWhatItWrites) {
  for (const char* name : {"model.pbtxt", "model.pb"}) {
    const std::string path = absl::StrCat(testing::TempDir(), "/", name);
    ASSERT_TRUE(WriteModelFile(Model(), path).ok());
    const absl::StatusOr<ModelDef> model = ReadModelFile(path);
    ASSERT_TRUE(model.ok()) << model.status();
    EXPECT_EQ(model->SerializeAsString(), Model().SerializeAsString());
  }
}

TEST(ModelFileTest, WritesTextForPeople) {
  EXPECT_THAT(ModelText(Model()), HasSubstr("name: \"größe\""));
  EXPECT_THAT(ModelText(Model()), HasSubstr("values: [0.1, -2]"));
  EXPECT_EQ(ModelText(Model().graph().input(0)), "name: \"x\"\ntype: \"float[N,2]\"\n");
}

TEST(ModelFileTest, WritesNumbersThatReadBackToTheSameBits) {
  ModelDef model = Model();
  TensorDef* value = model.mutable_graph()->mutable_parameter(0)->mutable_init()->mutable_value();
  value->clear_values();
  for (const double x : {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, -0.0}) value->add_values(x);
  const absl::StatusOr<ModelDef> read = ParseModel(ModelText(model), "m");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->SerializeAsString(), model.SerializeAsString());
}

TEST(ModelFileTest, NamesTheFileThatIsMissing) {
  const absl::Status status = ReadModelFile("/no/model.pb").status();
  EXPECT_EQ(status, absl::NotFoundError("/no/model.pb: no such file or directory"));
}

TEST(ModelFileTest, RefusesAFileOverTheLimitFromItsSize) {
  const std::string path = testing::TempDir() + "/large.pb";
  ASSERT_TRUE(WriteFileAtomically(path, "").ok());
  std::filesystem::resize_file(path, uint64_t{1} << 40);
  EXPECT_EQ(ReadModelFile(path).status(),
            absl::InvalidArgumentError(
                path + ": must have at most 67108864 bytes, but has 1099511627776"));
  std::filesystem::remove(path);
}

TEST(ModelFileTest, SaysWhatAForeignFileLooksLike) {
  const std::string tensors("\x09\0\0\0\0\0\0\0{\"a\":{}}\n", 17);
  const std::string onnx =
      absl::StrCat("\x08\x07", Field(2, "pytorch"), Field(7, "\x0a"), Field(8, "\x10\x11"));
  const std::pair<std::string, const char*> files[] = {
      {"<!DOCTYPE html>\n<html>", "an HTML page"},
      {"\n <HTML><head>", "an HTML page"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
       "a Git LFS pointer; fetch the file itself with git lfs pull"},
      {"PK\x03\x04\x14", "a ZIP archive"},
      {"{\"format_version\": 1}", "JSON"},
      {onnx, "an ONNX model; flowgrad convert reads those"},
      {tensors, "safetensors, which hold weights"},
      {"\x1f\x8b\x08", "gzip data"},
  };
  for (const auto& [bytes, kind] : files) {
    EXPECT_EQ(Refusal(bytes, "m.pb"),
              absl::StrCat("m.pb: is not a model file: it looks like ", kind));
  }
}

TEST(ModelFileTest, RefusesAnEmptyFile) { EXPECT_EQ(Refusal(""), "m.pbtxt: file is empty"); }

TEST(ModelFileTest, RefusesAMissingOrUnknownVersion) {
  EXPECT_EQ(Refusal("\n"), "m.pbtxt: `format_version: 1` is missing");
  EXPECT_EQ(Refusal("graph { }"), "m.pbtxt: `format_version: 1` is missing");
  EXPECT_EQ(Refusal(Field(2, "")), "m.pbtxt: `format_version: 1` is missing");
  EXPECT_EQ(Refusal("format_version: 2 graph { }"),
            "m.pbtxt: has format_version 2, but this program knows version 1");
  EXPECT_EQ(Refusal("format_version: -1"),
            "m.pbtxt: has format_version -1, but this program knows version 1");
}

TEST(ModelFileTest, NamesTheVersionRatherThanTheNewFieldsOfAFileFromTheFuture) {
  const char expected[] = "m.pbtxt: has format_version 2, but this program knows version 1";
  EXPECT_EQ(Refusal("format_version: 2 graph { wheel: 1 }"), expected);
  EXPECT_EQ(Refusal(absl::StrCat("\x08\x02", Field(9, "new"))), expected);
}

TEST(ModelFileTest, RefusesAModelWithoutGraph) {
  EXPECT_EQ(Refusal("format_version: 1"), "m.pbtxt: `graph { }` is missing");
}

TEST(ModelFileTest, NamesTheLineOfAMistakeInText) {
  EXPECT_EQ(Refusal(WithNode("inputs: 'x'")),
            "m.pbtxt:3: \"NodeDef\" has no field \"inputs\"; did you mean \"input\"?");
  EXPECT_EQ(Refusal(WithNode("name: 'a' name: 'b'")),
            "m.pbtxt:3: non-repeated field \"name\" is specified multiple times");
  EXPECT_THAT(Refusal(WithNode("attribute { i: 1 f: 2 }")), StartsWith("m.pbtxt:3: field \"f\""));
  EXPECT_THAT(Refusal(WithNode("attribute { i: 99999999999999999999 }")),
              StartsWith("m.pbtxt:3: integer out of range"));
  EXPECT_THAT(Refusal("format_version: 1\ngraph {\n"), StartsWith("m.pbtxt:3: expected"));
  EXPECT_THAT(Refusal("format_version: 1\nnode { 12: \"x\" }"), StartsWith("m.pbtxt:2: "));
}

TEST(ModelFileTest, KeepsAMessageShortAndPrintable) {
  const std::string message = Refusal(WithNode(absl::StrCat(std::string(100000, 'x'), ": 1")));
  EXPECT_LT(message.size(), 400u);
  EXPECT_THAT(message, StartsWith("m.pbtxt:3: \"NodeDef\" has no field \"xxx"));
  EXPECT_THAT(Refusal(WithNode("name: \"a\x1b[2Jb\" \x1b")), testing::Not(HasSubstr("\x1b")));
}

TEST(ModelFileTest, RefusesTextThatIsNotUtf8) {
  EXPECT_EQ(Refusal(WithNode("name: '\xff'")),
            "m.pbtxt:3: is not a model file: this line is not UTF-8 text");
  EXPECT_EQ(Refusal(WithNode("name: 'a\\377'")),
            "m.pbtxt: graph.node[0].name is not UTF-8: \"a\\xff\"");
}

TEST(ModelFileTest, RefusesBinaryThatIsNotUtf8) {
  EXPECT_EQ(Refusal(WithGraph(absl::StrCat(Field(5, ""), Field(5, Field(3, "\xc0\x80"))))),
            "m.pbtxt: graph.node[1].input[0] is not UTF-8: \"\\xc0\\x80\"");
}

TEST(ModelFileTest, RefusesUnknownFieldsOfBinary) {
  EXPECT_EQ(Refusal(WithGraph(Field(5, Field(17, "x")))),
            "m.pbtxt: graph.node[0] has the unknown field 17");
  EXPECT_EQ(Refusal(Field(2, "") + Field(9, "x")), "m.pbtxt: the model has the unknown field 9");
}

TEST(ModelFileTest, RefusesFieldsGivenTwice) {
  EXPECT_EQ(Refusal(WithGraph(Field(5, Field(1, "a") + Field(1, "b")))),
            "m.pbtxt: graph.node[0].name is set twice");
  EXPECT_EQ(Refusal(WithGraph("") + Field(2, "")), "m.pbtxt: graph is set twice");
  // attribute { i: 1 s: "x" }
  EXPECT_EQ(Refusal(WithGraph(Field(5, Field(5, "\x10\x01" + Field(4, "x"))))),
            "m.pbtxt: graph.node[0].attribute[0].s is set beside another \"value\"");
}

TEST(ModelFileTest, RefusesDamagedWireFormat) {
  const std::string head("\x08\x01", 2);
  // Tag 0, wire types 6 and 7, a group's end, an endless varint, a length of 2^31 - 1, a cut
  // number.
  for (const std::string& tail :
       {std::string(1, '\0'), std::string("\x16"), std::string("\x17"), std::string("\x14"),
        Repeated("\xff", 11), std::string("\x12\xff\xff\xff\xff\x07xx"), std::string("\x12\x80")}) {
    EXPECT_EQ(
        Refusal(head + tail),
        absl::StrCat("m.pbtxt: the model is damaged or cut off at byte 2 of ", 2 + tail.size()));
  }
  // parameter { init { value { values: <3 bytes> } } }
  EXPECT_THAT(Refusal(WithGraph(Field(3, Field(3, Field(10, Field(2, "abc")))))),
              HasSubstr("graph.parameter[0].init.value.values[0] is damaged"));
  EXPECT_THAT(Refusal(WithGraph(Field(5, "\x08\x01"))),
              HasSubstr("graph.node[0].name is damaged: it has wire type 0 and not 2"));
}

TEST(ModelFileTest, RefusesDeepNesting) {
  std::string text = "format_version: 1\n";
  for (int i = 0; i < 10000; ++i) text += "graph {\n";
  EXPECT_THAT(Refusal(text), StartsWith("m.pbtxt:"));
  std::string unknown = "format_version: 1 \n";
  for (int i = 0; i < 100000; ++i) unknown += "[a.b/c] {";
  EXPECT_THAT(Refusal(unknown), StartsWith("m.pbtxt:"));
  std::string binary;
  for (int i = 0; i < 200; ++i) binary = Field(2, binary);
  EXPECT_THAT(Refusal(binary), StartsWith("m.pbtxt: graph.input[0].type is not UTF-8"));
  EXPECT_THAT(Refusal("\x08\x01" + Repeated("\x13", 100000)), HasSubstr("damaged or cut off"));
}

TEST(ModelFileTest, RefusesMoreThanAMillionNodes) {
  const std::string nodes = Repeated(std::string("\x2a\0", 2), 1'000'001);
  EXPECT_EQ(Refusal(WithGraph(nodes)), "m.pbtxt: graph has more than 1000000 of field \"node\"");
  const std::string text =
      absl::StrCat("format_version: 1 graph {", Repeated("node{}", 1'000'001), "}");
  EXPECT_EQ(Refusal(text), "m.pbtxt: graph has more than 1000000 of field \"node\"");
}

TEST(ModelFileTest, RefusesMoreThan256AttributesOfANode) {
  const std::string attribute = "attribute { name: 'a' }";
  EXPECT_TRUE(ParseModel(WithNode(Repeated(attribute, 256)), "m").ok());
  EXPECT_EQ(Refusal(WithNode(Repeated(attribute, 257))),
            "m.pbtxt: graph.node[0] has more than 256 of field \"attribute\"");
}

// 64 MiB, the most that is read at all, of whatever grows most in memory.
TEST(ModelFileTest, BoundsTheMemoryOfARefusedFile) {
  constexpr int kBytes = (64 << 20) - 64;
  const std::string graphs[] = {
      Repeated(std::string("\x32\0", 2), kBytes / 2),            // output: ""
      Repeated(std::string("\x1a\0", 2), kBytes / 2),            // parameter { }
      Field(5, Repeated(std::string("\x1a\0", 2), kBytes / 2)),  // node { input: "" }
  };
  for (const std::string& graph : graphs) {
    EXPECT_THAT(Refusal(WithGraph(graph)), HasSubstr("would take more than 1024 MiB of memory"));
  }
  for (const std::string& graph :
       {Repeated("input<>", 4'200'000), "output: [''" + Repeated(",''", 16'800'000) + "]"}) {
    EXPECT_EQ(Refusal(absl::StrCat("format_version: 1 graph {", graph, "}")),
              "m.pbtxt: would take more than 1024 MiB of memory, for all its braces and quotes");
  }
}

TEST(ModelFileTest, EstimatesMemoryOnTheSafeSide) {
  const std::string bytes = WithGraph(Repeated(Field(5, Field(1, "a") + Field(3, "b")), 400'000));
  const size_t before = mallinfo2().uordblks;
  const absl::StatusOr<ModelDef> model = ParseModel(bytes, "m");
  ASSERT_TRUE(model.ok());
  const size_t used = mallinfo2().uordblks - before;
  // What the limit counts per node: the message and two strings.
  const size_t counted = NodeDef::default_instance().SpaceUsedLong() + 32 + 2 * 65;
  EXPECT_LT(used, 400'000 * counted);
}

TEST(ModelFileTest, RefusesEveryCutOfABinaryFile) {
  const std::string whole = Model().SerializeAsString();
  const size_t without_training =
      whole.size() - Field(3, Model().training().SerializeAsString()).size();
  for (size_t size = 0; size < whole.size(); ++size) {
    // Training is optional: without it the model is another good one.
    EXPECT_EQ(ParseModel(whole.substr(0, size), "m").ok(), size == without_training) << size;
  }
}

TEST(ModelFileTest, SurvivesEveryFlippedBit) {
  for (const std::string& whole : {std::string(kText), Model().SerializeAsString()}) {
    int refused = 0;
    for (size_t i = 0; i < whole.size() * 8; ++i) {
      std::string flipped = whole;
      flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << i % 8));
      const absl::StatusOr<ModelDef> model = ParseModel(flipped, "m");
      refused += !model.ok();
      if (model.ok()) continue;
      EXPECT_THAT(std::string(model.status().message()), StartsWith("m:"));
    }
    EXPECT_GT(refused, 0);
  }
}

TEST(ModelFileTest, RefusesRandomBytes) {
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes(1 + random() % (i % 100 == 0 ? 65536 : 64), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    if (i % 2 == 0) bytes[0] = "\x08\x12\x1a"[random() % 3];
    EXPECT_FALSE(ParseModel(bytes, "m").ok());
  }
}

TEST(ModelFileTest, PrintsNothing) {
  testing::internal::CaptureStderr();
  Refusal(WithNode("name: 'a\\377'"));
  Refusal(WithNode("wheel: 1"));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(ModelFileTest, DoesNotWriteAModelThatItWouldNotRead) {
  const std::string path = testing::TempDir() + "/refused.pb";
  EXPECT_EQ(WriteModelFile(ModelDef(), path),
            absl::InvalidArgumentError(path + ": `format_version: 1` is missing"));
  ModelDef model = Model();
  model.mutable_graph()->set_name("\xff");
  EXPECT_EQ(WriteModelFile(model, path),
            absl::InvalidArgumentError(path + ": graph.name is not UTF-8: \"\\xff\""));
  EXPECT_EQ(ReadModelFile(path).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace flowgrad
