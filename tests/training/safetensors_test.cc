// Safetensors files: the same bytes as the reference implementation, and every way in which one can
// be damaged.

#include "training/safetensors.h"

#include <cstring>
#include <filesystem>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kInf = std::numeric_limits<float>::infinity();

// What testdata/make_testdata.py writes.
std::vector<NamedTensor> PythonTensors() {
  return {
      {"w", Tensor::Of<float>({2, 3}, {1.5f, -2.0f, 0.0f, kInf, -0.0f, 1e-45f})},
      {"b/ä", Tensor::Of<double>({2}, {1.0 / 3, 5e-324})},
      {"step", Tensor::Scalar<int64_t>((int64_t{1} << 62) + 1)},
      {"ids", Tensor::Of<int32_t>({2, 1}, {-1, 2147483647})},
      {"mask", Tensor::Of<bool>({3}, {true, false, true})},
      {"empty", Tensor(DType::kFloat, {0, 4})},
  };
}
const Metadata kPythonMetadata = {{"format", "say \"np\"\n"}};

std::string PythonBytes() { return *ReadFile("tests/training/testdata/python.safetensors", 10000); }

bool SameBits(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.dims() == b.dims() &&
         std::memcmp(a.bytes(), b.bytes(), a.num_bytes()) == 0;
}

// A file of this header, as long as it is, and this many bytes of values.
std::string File(absl::string_view header, int num_bytes) {
  const uint64_t length = header.size();
  return absl::StrCat(absl::string_view(reinterpret_cast<const char*>(&length), 8), header,
                      std::string(num_bytes, '\1'));
}

// A header of tensors "a", "b" ... with dtype F32.
std::string Entry(absl::string_view name, absl::string_view shape, absl::string_view offsets) {
  return absl::StrCat("\"", name, "\":{\"dtype\":\"F32\",\"shape\":[", shape,
                      "],\"data_offsets\":[", offsets, "]}");
}

// The error without the name.
absl::Status Refusal(absl::string_view bytes) {
  const absl::Status status = TensorsFromBytes(bytes, "w").status();
  const std::string message(status.message());
  EXPECT_EQ(message.find("w: "), 0u) << status;
  return absl::Status(status.code(), message.substr(std::min<size_t>(3, message.size())));
}

absl::Status DamageOf(absl::string_view header, int num_bytes) {
  const absl::Status status = Refusal(File(header, num_bytes));
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  return status;
}

TEST(SafetensorsTest, WritesTheBytesOfTheReferenceImplementation) {
  const absl::StatusOr<std::string> bytes = TensorsToBytes(PythonTensors(), kPythonMetadata);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_EQ(*bytes, PythonBytes());
}

TEST(SafetensorsTest, ReadsAFileOfTheReferenceImplementation) {
  const absl::StatusOr<TensorFile> file = LoadTensors("tests/training/testdata/python.safetensors");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->metadata, kPythonMetadata);
  EXPECT_EQ(file->tensors.size(), 6u);
  for (const auto& [name, tensor] : PythonTensors()) {
    ASSERT_EQ(file->tensors.count(name), 1u) << name;
    EXPECT_TRUE(SameBits(file->tensors.at(name), tensor)) << name;
  }
}

TEST(SafetensorsTest, SavesAndLoads) {
  const std::string path = testing::TempDir() + "/saved.safetensors";
  ASSERT_TRUE(SaveTensors(path, PythonTensors(), kPythonMetadata).ok());
  EXPECT_EQ(*ReadFile(path, 10000), PythonBytes());
}

TEST(SafetensorsTest, SavesNothingAtAll) {
  const absl::StatusOr<TensorFile> file = TensorsFromBytes(*TensorsToBytes({}, {}), "w");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(file->tensors.empty());
  EXPECT_TRUE(file->metadata.empty());
}

TEST(SafetensorsTest, LaysOutAStridedTensor) {
  const Tensor tensor = Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor transposed = tensor.WithLayout({3, 2}, {1, 3}, 0);
  const TensorFile file = *TensorsFromBytes(*TensorsToBytes({{"t", transposed}}, {}), "w");
  EXPECT_TRUE(SameBits(file.tensors.at("t"), Tensor::Of<float>({3, 2}, {1, 4, 2, 5, 3, 6})));
}

TEST(SafetensorsTest, KeepsTheBitsOfANan) {
  Tensor tensor(DType::kFloat, {1});
  const uint32_t bits = 0xFFC12345;
  std::memcpy(tensor.bytes(), &bits, 4);
  const TensorFile file = *TensorsFromBytes(*TensorsToBytes({{"t", tensor}}, {}), "w");
  EXPECT_TRUE(SameBits(file.tensors.at("t"), tensor));
}

TEST(SafetensorsTest, RefusesToSaveBadNames) {
  const Tensor tensor = Tensor::Scalar(1.0f);
  for (const std::string& name :
       {std::string(), std::string("__metadata__"), std::string("\xff"), std::string(1025, 'x')}) {
    EXPECT_THAT(std::string(TensorsToBytes({{name, tensor}}, {}).status().message()),
                HasSubstr("name of a tensor must be 1 to 1024 bytes of UTF-8"));
  }
  EXPECT_EQ(SaveTensors("w", {{"a", tensor}, {"b", tensor}, {"a", tensor}}, {}),
            absl::InvalidArgumentError("w: tensor \"a\" is there twice"));
  EXPECT_EQ(SaveTensors("w", {{"a", Tensor()}}, {}),
            absl::InvalidArgumentError("w: tensor \"a\" has no value"));
  EXPECT_EQ(SaveTensors("w", {}, {{"k", "\xff"}}),
            absl::InvalidArgumentError("w: metadata \"k\" is not UTF-8"));
}

TEST(SafetensorsTest, RefusesABadHeaderLength) {
  EXPECT_EQ(Refusal("").message(), "is not a safetensors file: it has 0 bytes, fewer than 8");
  EXPECT_EQ(Refusal(std::string(8, '\xff') + "{}").message(),
            "is not a safetensors file, or cut off: header must have at most 2 bytes, but its "
            "length is given as 18446744073709551615");
  EXPECT_EQ(Refusal(std::string(8, '\0') + "{}").message(),
            "is not a safetensors file: its header does not begin with {");
  const std::string path = testing::TempDir() + "/sparse.safetensors";
  ASSERT_TRUE(WriteFileAtomically(path, std::string("\x01\xe1\xf5\x05\0\0\0\0", 8)).ok());
  std::filesystem::resize_file(path, uint64_t{1} << 30);
  EXPECT_THAT(
      std::string(LoadTensors(path).status().message()),
      HasSubstr("header must have at most 100000000 bytes, but its length is given as 100000001"));
  EXPECT_THAT(std::string(LoadTensors(path, {.file_bytes = 1000}).status().message()),
              HasSubstr("must have at most 1000 bytes, but has 1073741824"));
  std::filesystem::remove(path);
}

TEST(SafetensorsTest, RefusesAHeaderThatIsNotJson) {
  EXPECT_THAT(std::string(DamageOf("{\"a\":", 0).message()), HasSubstr("not JSON near byte 6"));
  EXPECT_THAT(std::string(DamageOf("{} x", 0).message()), HasSubstr("not JSON"));
  EXPECT_THAT(std::string(DamageOf("{\"\xff\":1}", 0).message()), HasSubstr("not JSON"));
  EXPECT_EQ(DamageOf(absl::string_view("{}\0{", 4), 0).message(), "the header has a NUL byte");
  EXPECT_EQ(DamageOf("[]", 0).message(),
            "is not a safetensors file: its header does not begin with {");
  EXPECT_THAT(std::string(DamageOf("{\"a\":" + std::string(10'000'000, '['), 0).message()),
              HasSubstr("tensor \"a\" has a list in the header where there must be none"));
}

TEST(SafetensorsTest, RefusesAHeaderOfTheWrongForm) {
  const std::pair<std::string, std::string> cases[] = {
      {"{\"a\":1}", "tensor \"a\" has a number in the header where there must be none"},
      {"{\"a\":{}}", "tensor \"a\" must have dtype, shape and data_offsets"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}",
       "tensor \"a\" must have dtype, shape and data_offsets"},
      {"{\"a\":{\"x\":1}}", "tensor \"a\" has the unknown key \"x\""},
      {"{\"a\":{\"shape\":[],\"shape\":[]}}", "has the key \"shape\" twice in the header"},
      {"{\"__metadata__\":{\"k\":1}}",
       "tensor \"__metadata__\" has a number in the header where there must be none"},
      {"{\"__metadata__\":{\"k\":\"\",\"k\":\"\"}}",
       "has the metadata key \"k\" twice in the header"},
      {absl::StrCat("{", Entry("a", "1", "0"), "}"), "tensor \"a\" must have two data_offsets"},
      {absl::StrCat("{", Entry("a", "1", "0,4,4"), "}"), "tensor \"a\" must have two data_offsets"},
      {absl::StrCat("{", Entry("a", "-1", "0,4"), "}"),
       "tensor \"a\" has the negative number -1 in the header where there must be none"},
      {absl::StrCat("{", Entry("a", "1.0", "0,4"), "}"),
       "tensor \"a\" has the number \"1.0\" in the header where there must be none"},
      {absl::StrCat("{", Entry("a", "9223372036854775808", "0,4"), "}"),
       "tensor \"a\" has the number 9223372036854775808, which is too large"},
      {absl::StrCat("{", Entry("", "1", "0,4"), "}"), "has an empty name"},
      {absl::StrCat("{", Entry("a", "1", "0,4"), ",", Entry("a", "1", "4,8"), "}"),
       "has the name \"a\" twice in the header"},
  };
  for (const auto& [header, message] : cases) EXPECT_EQ(DamageOf(header, 8).message(), message);
}

TEST(SafetensorsTest, RefusesWhatItDoesNotTake) {
  EXPECT_EQ(Refusal(File("{\"a\":{\"dtype\":\"BF16\"}}", 0)),
            absl::InvalidArgumentError(
                "tensor \"a\" must have dtype F32, F64, I32, I64 or BOOL, but has \"BF16\""));
  EXPECT_EQ(Refusal(File(absl::StrCat("{", Entry("a", "1,1,1,1,1,1,1,1,1", "0,4"), "}"), 4)),
            absl::InvalidArgumentError("tensor \"a\" must have at most 8 dims, but has more"));
}

TEST(SafetensorsTest, RefusesSpansThatDoNotFit) {
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{Entry("a", "2", "0,4"), Entry("b", "1", "4,8")},
       "tensor \"a\" lies at 0 to 4, but float[2] takes 8 bytes"},
      {{Entry("a", "1", "0,4"), Entry("b", "1", "0,4")},
       "tensor \"b\" lies at 0 to 4, but the tensor before it ends at 4"},
      {{Entry("a", "1", "0,4"), Entry("b", "0", "8,8")},
       "tensor \"b\" lies at 8 to 8, but the tensor before it ends at 4"},
      {{Entry("a", "1", "4,8")}, "tensor \"a\" lies at 4 to 8, but the tensor before it ends at 0"},
      {{Entry("a", "1", "0,4")}, "the tensors end at 4, but the file has 8 bytes of values"},
      {{Entry("a", "3", "0,12")},
       "tensor \"a\" lies at 0 to 12, but the file has 8 bytes of values"},
      {{Entry("a", "1", "4,0")}, "tensor \"a\" lies at 4 to 0, but the file has 8 bytes of values"},
      {{Entry("a", "4294967296,4294967296", "0,8")},
       "tensor \"a\" lies at 0 to 8, but float[4294967296,4294967296] takes more than can be "
       "counted bytes"},
      {{Entry("a", "576460752303423488", "0,8")},
       "tensor \"a\" lies at 0 to 8, but float[576460752303423488] takes 2305843009213693952 "
       "bytes"},
      {{Entry("a", "0,4294967296,4294967296", "0,0")},
       "tensor \"a\" lies at 0 to 0, but float[0,4294967296,4294967296] takes more than can be "
       "counted bytes"},
  };
  for (const auto& [entries, message] : cases) {
    EXPECT_EQ(DamageOf(absl::StrCat("{", absl::StrJoin(entries, ","), "}"), 8).message(), message);
  }
}

TEST(SafetensorsTest, RefusesABoolThatIsNeitherTrueNorFalse) {
  const std::string header = "{\"a\":{\"dtype\":\"BOOL\",\"shape\":[2],\"data_offsets\":[0,2]}}";
  std::string file = File(header, 2);
  EXPECT_TRUE(TensorsFromBytes(file, "w").ok());
  file.back() = 2;
  EXPECT_EQ(Refusal(file),
            absl::DataLossError("tensor \"a\" of bools has the byte 2 at element 1"));
}

TEST(SafetensorsTest, BoundsTheHeader) {
  const std::string path = testing::TempDir() + "/header.safetensors";
  // Brackets, of which a tree of values would take a hundred times the memory.
  std::string bytes("\x00\x00\x00\x04\x00\x00\x00\x00{", 9);
  bytes += "\"a\":" + std::string((64 << 20) - 5, '[');
  ASSERT_THAT(WriteFileAtomically(path, bytes), IsOk());
  EXPECT_THAT(LoadTensors(path), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("tensor \"a\"")));
  EXPECT_THAT(LoadTensors(path, {.header_bytes = 1000}),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("header must have at most 1000 bytes, but its length is given as "
                                 "67108864")));
  std::filesystem::remove(path);
}

TEST(SafetensorsTest, EscapesNamesInMessages) {
  EXPECT_EQ(DamageOf("{\"a\\n\\u001b\":1}", 0).message(),
            "tensor \"a\\n\\x1b\" has a number in the header where there must be none");
}

TEST(SafetensorsTest, RefusesEveryCut) {
  const std::string whole = PythonBytes();
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(Refusal(whole.substr(0, size)).code(), absl::StatusCode::kDataLoss) << size;
  }
  EXPECT_EQ(Refusal(whole + "x").code(), absl::StatusCode::kDataLoss);
}

TEST(SafetensorsTest, SurvivesEveryFlippedBitAndRandomHeaders) {
  const std::string whole = PythonBytes();
  for (size_t i = 0; i < whole.size() * 8; ++i) {
    std::string flipped = whole;
    flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << i % 8));
    (void)TensorsFromBytes(flipped, "w").ok();
  }
  std::mt19937 random(1);
  const char letters[] = "{}[]\":,0129.-eabF32dtypeshape\\u \n";
  for (int i = 0; i < 20000; ++i) {
    std::string header = "{";
    for (int j = random() % 40; j > 0; --j) header += letters[random() % (sizeof(letters) - 1)];
    const absl::StatusOr<TensorFile> file = TensorsFromBytes(File(header, 4), "w");
    EXPECT_FALSE(file.ok()) << header;
  }
}

TEST(SafetensorsTest, NamesTheFileOfASystemError) {
  EXPECT_EQ(LoadTensors("/no/w").status(), absl::NotFoundError("/no/w: no such file or directory"));
  EXPECT_EQ(LoadTensors("/dev/zero").status(),
            absl::InvalidArgumentError("/dev/zero: must be a regular file, but is a device"));
}

}  // namespace
}  // namespace flowgrad
