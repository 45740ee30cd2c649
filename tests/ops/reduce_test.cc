// Means, extremes, ArgMax and TopK: special values, ties, empty axes, strides, gradients.

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "graph/autodiff.h"
#include "graph/graph_builder.h"
#include "gtest/gtest.h"
#include "ops/builtin_ops.h"
#include "ops/run_op.h"
#include "tests/testing/evaluate.h"

namespace flowgrad {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsNan;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

template <class T>
Tensor Make(const Dims& dims, const std::vector<T>& values) {
  Tensor tensor(kDType<T>, dims);
  for (size_t i = 0; i < values.size(); ++i) tensor.data<T>()[i] = values[i];
  return tensor;
}

Tensor Axes(const std::vector<int64_t>& axes) {
  return Make<int64_t>({static_cast<int64_t>(axes.size())}, axes);
}

std::vector<double> ResultOf(const char* op, const std::vector<Tensor>& inputs,
                             const Attributes& attributes = {}) {
  const auto outputs = RunOp(*BuiltinOps().Find(op), attributes, inputs);
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  return outputs.ok() ? Numbers((*outputs)[0]) : std::vector<double>();
}

std::string ErrorOf(const char* op, const std::vector<Tensor>& inputs,
                    const Attributes& attributes = {}) {
  return std::string(RunOp(*BuiltinOps().Find(op), attributes, inputs).status().message());
}

TEST(ReduceMaxTest, ReducesAnyAxes) {
  const Tensor x = Make<float>({2, 3, 2}, {5, 1, 20, 2, 30, 1, -5, -1, -4, -2, -3, -6});
  EXPECT_THAT(ResultOf("ReduceMax", {x}), ElementsAre(30));
  EXPECT_THAT(ResultOf("ReduceMax", {x, Axes({1})}), ElementsAre(30, 2, -3, -1));
  EXPECT_THAT(ResultOf("ReduceMax", {x, Axes({-1})}), ElementsAre(5, 20, 30, -1, -2, -3));
  EXPECT_THAT(ResultOf("ReduceMax", {x, Axes({0, 2})}), ElementsAre(5, 20, 30));
  EXPECT_THAT(ResultOf("ReduceMin", {x, Axes({0, 1})}), ElementsAre(-5, -6));
  EXPECT_THAT(ResultOf("ReduceMin", {x, Axes({})}, {{"noop_with_empty_axes", 1}}), Numbers(x));
}

TEST(ReduceMaxTest, IsAFunctionOfElementsAndNotOfStrides) {
  constexpr int64_t kSize = 100;
  Tensor x(DType::kFloat, {kSize, kSize});
  for (int64_t i = 0; i < kSize * kSize; ++i) x.set(i, std::sin(static_cast<double>(i * i)));
  std::vector<double> largest(kSize, -2);
  for (int64_t i = 0; i < kSize * kSize; ++i) {
    largest[i / kSize] = std::max(largest[i / kSize], x.at(i));
  }
  const Tensor reversed =
      x.WithLayout({kSize, 10, 10}, {kSize, -10, -1}, kSize - 1);  // each row from its end
  const Tensor turned = x.WithLayout({kSize, kSize}, {1, kSize}, 0);
  EXPECT_EQ(ResultOf("ReduceMax", {x, Axes({1})}), largest);
  EXPECT_EQ(ResultOf("ReduceMax", {reversed, Axes({1, 2})}), largest);
  EXPECT_EQ(ResultOf("ReduceMax", {turned, Axes({0})}), largest);
}

// Two axes that are reduced and lie unevenly, backwards.
TEST(ReduceSumTest, AddsUpNegativeStrides) {
  const Tensor x = Make<float>({8}, {1, 2, 4, 8, 16, 32, 64, 128});
  const Tensor part = x.WithLayout({2, 3}, {-4, -1}, 7);  // 128, 64, 32, 8, 4, 2
  EXPECT_THAT(ResultOf("ReduceSum", {part}), ElementsAre(238));
  EXPECT_THAT(ResultOf("ReduceMin", {part}), ElementsAre(2));
}

TEST(ReduceMaxTest, LetsNanWin) {
  for (const char* op : {"ReduceMax", "ReduceMin"}) {
    EXPECT_THAT(ResultOf(op, {Make<float>({3}, {kNan, 1, 2})}), ElementsAre(IsNan()));
    EXPECT_THAT(ResultOf(op, {Make<float>({3}, {1, kNan, kInf})}), ElementsAre(IsNan()));
    std::vector<float> line(100, -kInf);
    line[70] = kNan;
    EXPECT_THAT(ResultOf(op, {Make<float>({100}, line)}), ElementsAre(IsNan()));
  }
}

TEST(ReduceMaxTest, GivesAZeroThePlusSign) {
  for (const char* op : {"ReduceMax", "ReduceMin"}) {
    EXPECT_FALSE(std::signbit(ResultOf(op, {Make<float>({2}, {0, -0.0f})})[0]));
    EXPECT_FALSE(std::signbit(ResultOf(op, {Make<float>({2}, {-0.0f, 0})})[0]));
  }
}

TEST(ReduceMaxTest, OfNothingIsTheEndOfTheNumbers) {
  EXPECT_THAT(ResultOf("ReduceMax", {Tensor(DType::kFloat, {2, 0}), Axes({1})}), Each(-kInf));
  EXPECT_THAT(ResultOf("ReduceMin", {Tensor(DType::kFloat, {0, 2}), Axes({0})}), Each(kInf));
  EXPECT_THAT(ResultOf("ReduceMax", {Tensor(DType::kInt32, {0})}),
              ElementsAre(std::numeric_limits<int32_t>::min()));
  EXPECT_THAT(ResultOf("ReduceMin", {Tensor(DType::kFloat, {0, 2}), Axes({1})}), IsEmpty());
}

TEST(ReduceMaxTest, TakesIntegersAndTruths) {
  EXPECT_THAT(ResultOf("ReduceMin", {Make<int64_t>({3}, {3, -7, 5})}), ElementsAre(-7));
  const Tensor truths = Make<bool>({2, 2}, {true, false, false, false});
  EXPECT_THAT(ResultOf("ReduceMax", {truths, Axes({1})}), ElementsAre(1, 0));
  EXPECT_THAT(ResultOf("ReduceMin", {truths, Axes({1})}), ElementsAre(0, 0));
}

TEST(ReduceMaxTest, SharesTheGradientAmongEquals) {
  for (const bool keepdims : {true, false}) {
    GraphBuilder g;
    const Value x = Doubles(g, {2, 3}, {4, 7, 7, 1, 0, -1}), axes = Int64s(g, {1}, {1});
    const Value y = Call("ReduceMax", {x, axes}, {{"keepdims", keepdims}});
    const Value upstream = Doubles(g, keepdims ? Dims{2, 1} : Dims{2}, {6, 5});
    EXPECT_THAT(NumbersOf(g, Gradients(g, {y}, {x}, {.upstream = {upstream}})[0]),
                ElementsAre(0, 3, 3, 5, 0, 0));
  }
}

TEST(ReduceMeanTest, DividesByTheCount) {
  GraphBuilder g;
  const Value x = Doubles(g, {2, 2, 2}, {5, 1, 20, 2, 30, 1, 55, 2});
  const Value mean = Call("ReduceMean", {x, Int64s(g, {1}, {1})}, {{"keepdims", 0}});
  const Value all = Call("ReduceMean", {x});
  const auto results = Evaluate(g, {mean, all, Gradients(g, {all}, {x})[0]});
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_THAT(Numbers((*results)[0]), ElementsAre(12.5, 1.5, 42.5, 1.5));
  EXPECT_THAT(Numbers((*results)[1]), ElementsAre(14.5));
  EXPECT_EQ((*results)[1].dims(), (Dims{1, 1, 1}));
  EXPECT_THAT(Numbers((*results)[2]), Each(0.125));
}

TEST(ReduceMeanTest, OfNothingIsNan) {
  GraphBuilder g;
  EXPECT_THAT(NumbersOf(g, Call("ReduceMean", {Doubles(g, {0, 2}, {}), Int64s(g, {1}, {0})})),
              ElementsAre(IsNan(), IsNan()));
}

TEST(ReduceMeanTest, CountsABatchWhoseSizeIsASymbol) {
  GraphBuilder g;
  const Value x = g.Input("x", "float[N,3]");
  const Value mean = Call("ReduceMean", {x, Int64s(g, {1}, {0})});
  const Value dx = Gradients(g, {mean}, {x})[0];
  ASSERT_THAT(g.errors(), IsEmpty());
  EXPECT_EQ(mean.type().ToString(), "float[1,3]");
  EXPECT_EQ(dx.type().ToString(), "float[N,3]");
}

TEST(ArgMaxTest, TakesTheFirstOfEqualsOrTheLast) {
  const Tensor x = Make<float>({2, 3}, {2, 2, 1, 3, 10, 10});
  EXPECT_THAT(ResultOf("ArgMax", {x}, {{"axis", 1}}), ElementsAre(0, 1));
  EXPECT_THAT(ResultOf("ArgMax", {x}, {{"axis", 1}, {"select_last_index", 1}}), ElementsAre(1, 2));
  EXPECT_THAT(ResultOf("ArgMax", {x}, {{"keepdims", 0}}), ElementsAre(1, 1, 1));
}

TEST(ArgMaxTest, TakesNanForTheLargest) {
  const Tensor x = Make<float>({1, 4}, {1, kNan, kInf, kNan});
  EXPECT_THAT(ResultOf("ArgMax", {x}, {{"axis", -1}}), ElementsAre(1));
  EXPECT_THAT(ResultOf("ArgMax", {x}, {{"axis", -1}, {"select_last_index", 1}}), ElementsAre(3));
}

TEST(ArgMaxTest, RefusesAnEmptyAxis) {
  EXPECT_EQ(ErrorOf("ArgMax", {Tensor(DType::kFloat, {3, 0})}, {{"axis", 1}}),
            "input \"data\" [3,0] must not be empty along axis 1");
  EXPECT_THAT(ResultOf("ArgMax", {Tensor(DType::kFloat, {0, 3})}, {{"axis", 1}}), IsEmpty());
}

TEST(TopKTest, PutsTheFirstOfEqualsFirst) {
  const Tensor x = Make<float>({6}, {1, 3, 2, 3, kNan, 0}), k = Axes({4});
  const OpDef& op = *BuiltinOps().Find("TopK");
  const auto largest = RunOp(op, {}, {x, k}, 2);
  ASSERT_TRUE(largest.ok()) << largest.status();
  EXPECT_THAT(Numbers((*largest)[0]), ElementsAre(IsNan(), 3, 3, 2));
  EXPECT_THAT(Numbers((*largest)[1]), ElementsAre(4, 1, 3, 2));
  const auto smallest = RunOp(op, {{"largest", 0}}, {x, Axes({6})}, 2);
  ASSERT_TRUE(smallest.ok()) << smallest.status();
  EXPECT_THAT(Numbers((*smallest)[1]), ElementsAre(5, 0, 2, 1, 3, 4));
}

TEST(TopKTest, WorksAlongAnyAxis) {
  const Tensor x = Make<int64_t>({3, 2}, {1, 9, 5, 7, 3, 8});
  EXPECT_THAT(ResultOf("TopK", {x, Axes({2})}, {{"axis", 0}}), ElementsAre(5, 9, 3, 8));
  EXPECT_THAT(ResultOf("TopK", {x, Axes({0})}, {{"axis", 0}}), IsEmpty());
}

TEST(TopKTest, RefusesMoreThanThereAre) {
  EXPECT_EQ(ErrorOf("TopK", {Make<float>({2}, {1, 2}), Axes({3})}),
            "input \"K\" must be from 0 to 2, the size of axis 0 of input \"X\" [2], but is 3");
  EXPECT_EQ(ErrorOf("TopK", {Make<float>({2}, {1, 2}), Axes({-1})}),
            "input \"K\" must be from 0 to 2, the size of axis 0 of input \"X\" [2], but is -1");
}

TEST(TopKTest, SendsTheGradientBackToWhereTheValuesWere) {
  GraphBuilder g;
  const Value x = Doubles(g, {2, 3}, {4, 9, 7, 1, 0, 2});
  const Value y = Call("TopK", {x, Int64s(g, {1}, {2})});
  const Value upstream = Doubles(g, {2, 2}, {1, 2, 3, 4});
  EXPECT_THAT(NumbersOf(g, Gradients(g, {y}, {x}, {.upstream = {upstream}})[0]),
              ElementsAre(0, 1, 2, 4, 0, 3));
}

TEST(ScatterElementsTest, ReplacesOrJoins) {
  const Tensor data = Make<float>({1, 5}, {1, 2, 3, 4, 5});
  const Tensor indices = Make<int64_t>({1, 2}, {1, -4}), updates = Make<float>({1, 2}, {1.5, 10});
  const auto run = [&](const char* reduction) {
    return ResultOf("ScatterElements", {data, indices, updates},
                    {{"axis", 1}, {"reduction", reduction}});
  };
  EXPECT_THAT(run("none"), ElementsAre(1, 10, 3, 4, 5));
  EXPECT_THAT(run("add"), ElementsAre(1, 13.5, 3, 4, 5));
  EXPECT_THAT(run("mul"), ElementsAre(1, 30, 3, 4, 5));
  EXPECT_THAT(run("max"), ElementsAre(1, 10, 3, 4, 5));
  EXPECT_THAT(run("min"), ElementsAre(1, 1.5, 3, 4, 5));
}

TEST(ScatterElementsTest, NamesTheIndexThatIsOutOfRange) {
  const Tensor data = Make<float>({3}, {1, 2, 3}), indices = Make<int64_t>({2}, {0, 3});
  EXPECT_EQ(ErrorOf("ScatterElements", {data, indices, Make<float>({2}, {1, 2})}),
            "input \"indices\" must hold numbers from -3 to 2, but holds 3");
  EXPECT_EQ(ErrorOf("GatherElements", {data, indices}),
            "input \"indices\" must hold numbers from -3 to 2, but holds 3");
}

TEST(GatherElementsTest, IsTheGradientOfScatterElementsAndTheOtherWayRound) {
  GraphBuilder g;
  const Value x = Doubles(g, {2, 2}, {1, 2, 3, 4}), indices = Int64s(g, {2, 2}, {0, 0, 1, 0});
  const Value y = Call("GatherElements", {x, indices}, {{"axis", 1}});
  const Value upstream = Doubles(g, {2, 2}, {10, 20, 30, 40});
  const Value dx = Gradients(g, {y}, {x}, {.upstream = {upstream}})[0];
  const Value updates = Doubles(g, {2, 1}, {7, 8}), column = Int64s(g, {2, 1}, {1, 0});
  const Value z = Call("ScatterElements", {x, column, updates}, {{"axis", 1}});
  const std::vector<Value> dz = Gradients(g, {z}, {x, updates}, {.upstream = {upstream}});
  const auto results = Evaluate(g, {y, dx, z, dz[0], dz[1]});
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_THAT(Numbers((*results)[0]), ElementsAre(1, 1, 4, 3));
  EXPECT_THAT(Numbers((*results)[1]), ElementsAre(30, 0, 40, 30));
  EXPECT_THAT(Numbers((*results)[2]), ElementsAre(1, 7, 8, 4));
  EXPECT_THAT(Numbers((*results)[3]), ElementsAre(10, 0, 0, 40));
  EXPECT_THAT(Numbers((*results)[4]), ElementsAre(20, 30));
}

}  // namespace
}  // namespace flowgrad
