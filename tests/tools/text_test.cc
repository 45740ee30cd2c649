#include <limits>
#include <vector>

#include "base/text_table.h"
#include "gtest/gtest.h"
#include "tools/tensor_text.h"

namespace flowgrad {
namespace {

Tensor Floats(const Dims& dims, const std::vector<float>& values) {
  return Tensor::Of<float>(dims, values);
}

TEST(JsonTest, EscapesQuotesBackslashesAndControlCharacters) {
  EXPECT_EQ(JsonString("a\"b\\c\nβ"), "\"a\\\"b\\\\c\\u000aβ\"");
}

TEST(JsonTest, WritesTensorsFlatWithShortestDigits) {
  EXPECT_EQ(JsonTensor(Floats({2, 2}, {0.1f, -0.0f, 1e-20f, 3})),
            R"({"dtype": "float", "shape": [2,2], "values": [0.1,-0,1e-20,3]})");
  EXPECT_EQ(JsonTensor(Tensor::Scalar<double>(0.1f)),
            R"({"dtype": "double", "shape": [], "values": [0.10000000149011612]})");
  EXPECT_EQ(JsonTensor(Tensor(DType::kInt32, {0, 3})),
            R"({"dtype": "int32", "shape": [0,3], "values": []})");
}

TEST(JsonTest, ReadsStridesRowMajor) {
  const Tensor transposed = Floats({2, 2}, {1, 2, 3, 4}).WithLayout({2, 2}, {1, 2}, 0);
  EXPECT_EQ(JsonTensor(transposed), R"({"dtype": "float", "shape": [2,2], "values": [1,3,2,4]})");
}

TEST(ShortTextTest, NestsSmallTensors) {
  EXPECT_EQ(ShortText(Floats({}, {0.35f})), "0.35");
  EXPECT_EQ(ShortText(Floats({2, 2}, {0.1f, 0.4f, 0.8f, 0.6f})), "[[0.1 0.4] [0.8 0.6]]");
  EXPECT_EQ(ShortText(Floats({1}, {0.123456789f})), "[0.12345679]");
  EXPECT_EQ(ShortText(Tensor::Scalar<int64_t>(9007199254740993)), "9007199254740993");
  EXPECT_EQ(ShortText(Floats({0}, {})), "[]");
}

TEST(ShortTextTest, ShortensLargeTensors) {
  std::vector<float> values(20);
  for (int i = 0; i < 20; ++i) values[i] = static_cast<float>(i);
  EXPECT_EQ(ShortText(Floats({4, 5}, values)), "[4,5] 0 1 2 ... 19");
  EXPECT_EQ(ShortText(Floats({4, 0}, {})), "[4,0]");
}

TEST(TextTableTest, AlignsColumnsByWhatTheyTakeOnAScreen) {
  TextTable table({"op", "formula", "value"});
  table.AddRow({"a", "α · β", "1"});
  table.AddRow({"b", "", "2"});
  table.AddRow({"日本", "x"});
  EXPECT_EQ(table.ToString(),
            "op    formula  value\n"
            "----  -------  -----\n"
            "a     α · β    1\n"
            "b              2\n"
            "日本  x\n");
}

TEST(TextTableTest, CountsWideAndCombiningLetters) {
  EXPECT_EQ(DisplayWidth("abc"), 3);
  EXPECT_EQ(DisplayWidth("ünï"), 3);
  EXPECT_EQ(DisplayWidth("e\xCC\x81"), 1);
  EXPECT_EQ(DisplayWidth("日本"), 4);
  EXPECT_EQ(DisplayWidth("😀"), 2);
}

}  // namespace
}  // namespace flowgrad
