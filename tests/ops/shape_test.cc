// Ops that move elements: shapes, values worked out by hand, and the words of their errors.

#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ops/builtin_ops.h"
#include "ops/run_op.h"

namespace flowgrad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();

// 0, 1, 2, ... in a shape.
Tensor Count(const Dims& dims) {
  Tensor tensor(DType::kFloat, dims);
  for (int64_t i = 0; i < tensor.num_elements(); ++i) tensor.set(i, static_cast<double>(i));
  return tensor;
}

Tensor Ints64(const std::vector<int64_t>& values) {
  return Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, values);
}

std::vector<double> ValuesOf(const Tensor& tensor) {
  std::vector<double> values;
  for (int64_t i = 0; i < tensor.num_elements(); ++i) values.push_back(tensor.at(i));
  return values;
}

std::vector<Tensor> Outputs(const std::string& op, const std::vector<Tensor>& inputs,
                            const Attributes& attributes, int num_outputs) {
  absl::StatusOr<std::vector<Tensor>> outputs =
      RunOp(*BuiltinOps().Find(op), attributes, inputs, num_outputs);
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  return outputs.ok() ? *outputs : std::vector<Tensor>(num_outputs, Tensor(DType::kFloat, {0}));
}

Tensor Output(const std::string& op, const std::vector<Tensor>& inputs,
              const Attributes& attributes = {}) {
  return Outputs(op, inputs, attributes, 1)[0];
}

std::string ErrorOf(const std::string& op, const std::vector<Tensor>& inputs,
                    const Attributes& attributes = {}, int num_outputs = 1) {
  const auto outputs = RunOp(*BuiltinOps().Find(op), attributes, inputs, num_outputs);
  EXPECT_EQ(outputs.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(outputs.status().message());
}

TEST(ShapeTest, FlattensAtAnyAxis) {
  const Tensor x = Count({2, 3, 4});
  EXPECT_EQ(Output("Flatten", {x}).dims(), Dims({2, 12}));
  EXPECT_EQ(Output("Flatten", {x}, {{"axis", 0}}).dims(), Dims({1, 24}));
  EXPECT_EQ(Output("Flatten", {x}, {{"axis", 3}}).dims(), Dims({24, 1}));
  EXPECT_EQ(Output("Flatten", {x}, {{"axis", -1}}).dims(), Dims({6, 4}));
  EXPECT_EQ(ErrorOf("Flatten", {x}, {{"axis", 4}}),
            "attribute \"axis\" must be from -3 to 3 for input \"input\" [2,3,4], but is 4");
}

TEST(ShapeTest, DropsAndAddsDimsOfSizeOne) {
  const Tensor x = Count({1, 3, 1});
  EXPECT_EQ(Output("Squeeze", {x}).dims(), Dims({3}));
  EXPECT_EQ(Output("Squeeze", {x, Ints64({-1})}).dims(), Dims({1, 3}));
  EXPECT_EQ(Output("Unsqueeze", {Count({3}), Ints64({2, 0})}).dims(), Dims({1, 3, 1}));
  EXPECT_EQ(ErrorOf("Squeeze", {x, Ints64({1})}),
            "input \"axes\" must name dims of size 1, but dim 1 of input \"data\" [1,3,1] is 3");
  EXPECT_THAT(ErrorOf("Unsqueeze", {x, Ints64({0, 0})}), HasSubstr("must name each axis once"));
  EXPECT_THAT(ErrorOf("Unsqueeze", {x, Ints64({0, 1, 2, 3, 4, 5})}),
              HasSubstr("the rank is at most 8"));
}

TEST(ShapeTest, CountsElements) {
  EXPECT_THAT(ValuesOf(Output("Size", {Count({2, 3})})), ElementsAre(6));
  EXPECT_THAT(ValuesOf(Output("Size", {Count({2, 0})})), ElementsAre(0));
  EXPECT_THAT(ValuesOf(Output("Size", {Count({})})), ElementsAre(1));
}

TEST(ShapeTest, SplitsIntoViewsOfTheInput) {
  const Tensor x = Count({2, 5});
  const std::vector<Tensor> parts = Outputs("Split", {x, Ints64({2, 0, 3})}, {{"axis", 1}}, 3);
  EXPECT_THAT(ValuesOf(parts[0]), ElementsAre(0, 1, 5, 6));
  EXPECT_EQ(parts[1].dims(), Dims({2, 0}));
  EXPECT_THAT(ValuesOf(parts[2]), ElementsAre(2, 3, 4, 7, 8, 9));
  EXPECT_EQ(parts[2].bytes(), x.bytes() + 2 * sizeof(float));
}

TEST(ShapeTest, SplitsUnevenlyWithTheSmallPartLast) {
  const std::vector<Tensor> parts = Outputs("Split", {Count({5})}, {{"num_outputs", 4}}, 4);
  EXPECT_EQ(parts[0].dims(), Dims({2}));
  EXPECT_EQ(parts[2].dims(), Dims({1}));
  EXPECT_EQ(parts[3].dims(), Dims({0}));
}

TEST(ShapeTest, RefusesSplitsThatDoNotAddUp) {
  EXPECT_EQ(ErrorOf("Split", {Count({5}), Ints64({2, 2})}, {}, 2),
            "input \"split\" must be sizes from 0 on that add up to 5 to match input \"input\" "
            "[5], but is [2,2]");
  EXPECT_THAT(ErrorOf("Split", {Count({5}), Ints64({6, -1})}, {}, 2), HasSubstr("from 0 on"));
  EXPECT_THAT(ErrorOf("Split", {Count({5}), Ints64({2, 3})}, {{"num_outputs", 2}}, 2),
              HasSubstr("must not both be given"));
  EXPECT_THAT(ErrorOf("Split", {Count({5})}, {{"num_outputs", 0}}, 2),
              HasSubstr("must be the number of outputs, 2"));
}

TEST(ShapeTest, SlicesForwardsAndBackwards) {
  const Tensor x = Count({6});
  const auto slice = [&](int64_t start, int64_t end, int64_t step) {
    return ValuesOf(
        Output("Slice", {x, Ints64({start}), Ints64({end}), Ints64({0}), Ints64({step})}));
  };
  EXPECT_THAT(slice(1, 4, 1), ElementsAre(1, 2, 3));
  EXPECT_THAT(slice(-2, kHighest, 1), ElementsAre(4, 5));
  EXPECT_THAT(slice(0, 6, 4), ElementsAre(0, 4));
  EXPECT_THAT(slice(4, 1, -2), ElementsAre(4, 2));
  EXPECT_THAT(slice(kHighest, kLowest, -1), ElementsAre(5, 4, 3, 2, 1, 0));
  EXPECT_THAT(slice(-1, -4, -1), ElementsAre(5, 4, 3));
  EXPECT_THAT(slice(2, kHighest, kHighest), ElementsAre(2));
  EXPECT_THAT(slice(2, kLowest, kLowest), ElementsAre(2));
  EXPECT_THAT(slice(4, 2, 1), IsEmpty());
  EXPECT_THAT(slice(100, 200, 1), IsEmpty());
  EXPECT_THAT(slice(kLowest, kHighest, 1), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(ShapeTest, SlicesAnEmptyDim) {
  EXPECT_EQ(Output("Slice", {Count({0, 2}), Ints64({0}), Ints64({kHighest})}).dims(), Dims({0, 2}));
  EXPECT_EQ(
      Output("Slice", {Count({0, 2}), Ints64({-1}), Ints64({kLowest}), Ints64({0}), Ints64({-1})})
          .dims(),
      Dims({0, 2}));
}

TEST(ShapeTest, RefusesSlicesThatMeanNothing) {
  const Tensor x = Count({6});
  EXPECT_EQ(ErrorOf("Slice", {x, Ints64({0}), Ints64({1}), Ints64({0}), Ints64({0})}),
            "input \"steps\" must have no 0, but is [0]");
  EXPECT_THAT(ErrorOf("Slice", {x, Ints64({0}), Ints64({1}), Ints64({1})}),
              HasSubstr("\"axes\" must be from -1 to 0"));
  EXPECT_THAT(ErrorOf("Slice", {x, Ints64({0}), Ints64({1, 2})}),
              HasSubstr("but have 1, 2, 1 and 1"));
}

TEST(ShapeTest, PutsTheGradientOfASliceIntoZeros) {
  const Tensor dy = Tensor::Of<float>({2, 2}, {1.0f, 2.0f, 3.0f, 4.0f});
  EXPECT_THAT(ValuesOf(Output("SliceGradient", {dy, Count({2, 4}), Ints64({3}), Ints64({kLowest}),
                                                Ints64({1}), Ints64({-2})})),
              ElementsAre(0, 2, 0, 1, 0, 4, 0, 3));
}

TEST(ShapeTest, ConcatenatesAlongAnyAxis) {
  const Tensor a = Tensor::Of<float>({2, 1}, {1.0f, 2.0f}),
               b = Tensor::Of<float>({2, 2}, {3.0f, 4.0f, 5.0f, 6.0f});
  EXPECT_THAT(ValuesOf(Output("Concat", {a, Count({2, 0}), b}, {{"axis", -1}})),
              ElementsAre(1, 3, 4, 2, 5, 6));
  EXPECT_THAT(ValuesOf(Output("Concat", {b, b}, {{"axis", 0}})),
              ElementsAre(3, 4, 5, 6, 3, 4, 5, 6));
  EXPECT_EQ(ErrorOf("Concat", {b, b, a}, {{"axis", 0}}),
            "inputs must have equal dims but for dim 0, but input 2 is [2,1] and input 0 is [2,2]");
}

TEST(ShapeTest, GathersRowsAndCountsFromTheEnd) {
  const Tensor x = Count({3, 2});
  EXPECT_THAT(ValuesOf(Output("Gather", {x, Ints64({2, -3, 2})})), ElementsAre(4, 5, 0, 1, 4, 5));
  EXPECT_THAT(ValuesOf(Output("Gather", {x, Tensor::Scalar<int32_t>(-1)}, {{"axis", 1}})),
              ElementsAre(1, 3, 5));
  EXPECT_EQ(Output("Gather", {x, Tensor(DType::kInt64, {0, 4})}).dims(), Dims({0, 4, 2}));
}

TEST(ShapeTest, NamesTheFirstIndexOutOfRange) {
  const Tensor indices = Tensor::Of<int64_t>({2, 2}, {0, 1, kLowest, 3});
  EXPECT_EQ(ErrorOf("Gather", {Count({3, 2}), indices}),
            "input \"indices\" must be from -3 to 2 to match dim 0 of input \"data\", but is "
            "-9223372036854775808 at [1,0]");
  EXPECT_THAT(ErrorOf("Gather", {Count({0, 2}), Ints64({0})}), HasSubstr("but is 0 at [0]"));
  EXPECT_THAT(ErrorOf("Gather", {Count({3, 2}), Count({1})}),
              HasSubstr("must be int32 or int64, but is float"));
}

TEST(ShapeTest, AddsRowsOfEqualIndicesInOrder) {
  // 1 + 2^25 - 2^25 in this order loses the 1.
  const Tensor dy = Tensor::Of<float>({4, 1}, {1.0f, 7.0f, 0x1p25f, -0x1p25f});
  EXPECT_THAT(ValuesOf(Output("GatherGradient", {dy, Ints64({0, 2, -3, 0}), Count({3, 1})})),
              ElementsAre(0, 0, 7));
}

}  // namespace
}  // namespace flowgrad
