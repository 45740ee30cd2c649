// Text by character: windows, alphabets, splits, and bytes that are no UTF-8.

#include "training/data/text_data.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/training/data/data_files.h"

namespace flowgrad {
namespace {

using ::testing::ElementsAre;

class TextDataTest : public DataFilesTest {
 protected:
  absl::StatusOr<DataParts> Open(absl::string_view text, const TextDataOptions& options) const {
    return OpenText(Put("t.txt", text), options);
  }
  std::string Message(absl::string_view text, const TextDataOptions& options) const {
    const absl::Status status = Plain(Open(text, options).status());
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  }
};

TEST_F(TextDataTest, GivesWindowsAndTheCharactersAfter) {
  const absl::StatusOr<DataParts> parts = Open("abcabd\n", {.length = 3});
  ASSERT_THAT(parts, IsOk());
  const DataSet& data = parts->train;
  EXPECT_EQ(data.FieldType("text")->ToString(), "int64[N,3]");
  EXPECT_THAT(data.Names("text"), ElementsAre("\n", "a", "b", "c", "d"));
  EXPECT_EQ(data.num_samples(), 2);
  EXPECT_THAT(AllNumbers(data, "text", DType::kInt64), ElementsAre(1, 2, 3, 1, 2, 4));
  EXPECT_THAT(AllNumbers(data, "next", DType::kInt32), ElementsAre(2, 3, 1, 2, 4, 0));
  EXPECT_FALSE(data.CanBe("text", DType::kFloat));
  EXPECT_EQ(data.Where("next", 1), absl::StrCat(Path("t.txt"), ": character 4"));
}

TEST_F(TextDataTest, TakesAStride) {
  const DataSet overlapping = Open("abcde", {.length = 2, .stride = 1})->train;
  EXPECT_THAT(AllNumbers(overlapping, "text", DType::kInt64), ElementsAre(0, 1, 1, 2, 2, 3));
  EXPECT_THAT(AllNumbers(overlapping, "next", DType::kInt64), ElementsAre(1, 2, 2, 3, 3, 4));
  const DataSet apart = Open("abcde", {.length = 1, .stride = 3})->train;
  EXPECT_THAT(AllNumbers(apart, "next", DType::kInt64), ElementsAre(1, 4));
  EXPECT_EQ(Open("abcde", {.length = 4, .stride = int64_t{1} << 62})->train.num_samples(), 1);
}

TEST_F(TextDataTest, CountsCodePointsOfEveryLength) {
  const std::string text = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbf";
  const DataSet data = Open(text, {.length = 4})->train;
  EXPECT_THAT(data.Names("text"),
              ElementsAre("a", "\xc3\xa4", "\xe2\x82\xac", "\xef\xbf\xbf", "\xf0\x9f\x98\x80"));
  EXPECT_THAT(AllNumbers(data, "text", DType::kInt64), ElementsAre(0, 1, 2, 4));
  EXPECT_THAT(AllNumbers(data, "next", DType::kInt64), ElementsAre(1, 2, 4, 3));
}

// Of more than 256 different characters, two bytes each in memory, and over the reader's buffer.
TEST_F(TextDataTest, ReadsManyCharactersFromMemoryAndFromASpool) {
  std::string text;
  std::vector<double> expected;
  for (int i = 0; i < 200'000; ++i) {
    const int c = static_cast<int>(int64_t{i} * i % 1000);
    text += static_cast<char>(0xe0 | (0x4000 + c) >> 12);
    text += static_cast<char>(0x80 | ((0x4000 + c) >> 6 & 0x3f));
    text += static_cast<char>(0x80 | ((0x4000 + c) & 0x3f));
    expected.push_back(c);
  }
  const DataParts in_memory = *Open(text, {.length = 199'999});
  const std::vector<std::string> names = in_memory.train.Names("text");
  EXPECT_LT(names.size(), 1000u);
  EXPECT_GT(names.size(), 256u - 100u);
  EXPECT_EQ(Dump(in_memory), Dump(*Open(text, {.length = 199'999, .memory_bytes = 0})));
  EXPECT_EQ(Dump(in_memory), Dump(*Open(Gzipped(text), {.length = 199'999})));
  std::string back;
  for (const double number : AllNumbers(in_memory.train, "text", DType::kInt64)) {
    back += names[static_cast<size_t>(number)];
  }
  EXPECT_EQ(back, text.substr(0, 3 * 199'999));
}

TEST_F(TextDataTest, ReadsATestFileOfTheSameCharacters) {
  const absl::StatusOr<DataParts> parts =
      Open("abc", {.length = 1, .test_file = Put("test.txt", "cab")});
  ASSERT_THAT(parts, IsOk());
  EXPECT_THAT(AllNumbers(*parts->test, "text", DType::kInt64), ElementsAre(2, 0));
  EXPECT_EQ(Message("abc", {.length = 1, .test_file = Put("test.txt", "ca\nb\xc3\xa4")}),
            "test.txt:1: has the character \"\\n\", which t.txt has not");
  EXPECT_EQ(Message("abc\n", {.length = 1, .test_file = Path("test.txt")}),
            "test.txt:2: has the character \"\xc3\xa4\", which t.txt has not");
}

TEST_F(TextDataTest, DividesInRunsOf64Samples) {
  const absl::StatusOr<DataParts> parts =
      Open(std::string(10'001, 'a') + "b", {.length = 1, .split = {.test = 0.25}});
  ASSERT_THAT(parts, IsOk());
  EXPECT_EQ(parts->train.num_samples() + parts->test->num_samples(), 10'001);
  // The last run has 17 samples.
  EXPECT_EQ(std::min(parts->train.num_samples() % 64, parts->test->num_samples() % 64), 0);
  EXPECT_NEAR(parts->test->num_samples(), 2500, 800);
}

TEST_F(TextDataTest, RefusesWhatIsNoUtf8) {
  const std::pair<const char*, const char*> cases[] = {
      {"ab\xff", "t.txt: byte 2 must begin a character of UTF-8, but is 255"},
      {"a\xc3", "t.txt: byte 1 must begin a character of UTF-8, but is 195"},
      {"\xc0\x80", "t.txt: byte 0 must begin a character of UTF-8, but is 192"},
      {"\xe0\x80\x80", "t.txt: byte 0 must begin a character of UTF-8, but is 224"},
      {"\xed\xa0\x80", "t.txt: byte 0 must begin a character of UTF-8, but is 237"},
      {"\xf4\x90\x80\x80", "t.txt: byte 0 must begin a character of UTF-8, but is 244"},
      {"a\x80", "t.txt: byte 1 must begin a character of UTF-8, but is 128"},
  };
  for (const auto& [text, message] : cases) EXPECT_EQ(Message(text, {.length = 1}), message);
  EXPECT_EQ(Message(Gzipped(std::string(300'000, 'a') + "\xff"), {.length = 1}),
            "t.txt: unpacked byte 300000 must begin a character of UTF-8, but is 255");
}

TEST_F(TextDataTest, RefusesTextThatIsTooShortOrHasTooManyCharacters) {
  EXPECT_EQ(Message("abc", {.length = 3}),
            "t.txt: must have at least a character more than the length 3 of a window, but has 3");
  EXPECT_EQ(Message("", {.length = 1}),
            "t.txt: must have at least a character more than the length 1 of a window, but has 0");
  EXPECT_EQ(Message("abc", {.length = int64_t{1} << 62}).substr(0, 5), "t.txt");
  EXPECT_EQ(Message("abcd", {.length = 1, .vocabulary = 3}),
            "t.txt: must have at most 3 different characters (vocabulary), but has 4");
  EXPECT_THAT(Open("abcd", {.length = 1, .vocabulary = 4}), IsOk());
}

TEST_F(TextDataTest, RefusesOptionsOutOfRange) {
  EXPECT_EQ(Message("ab", {}), "length must be 1 or more, but is 0");
  EXPECT_EQ(Message("ab", {.length = 1, .stride = -1}), "stride must be 0 or more, but is -1");
  EXPECT_EQ(Message("ab", {.length = 1, .vocabulary = -2}),
            "vocabulary must be 0 or more, but is -2");
}

}  // namespace
}  // namespace flowgrad
