// LayerNormalization: a worked example, shapes that do not fit, rows that are hard, gradients of
// its other outputs.

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "graph/autodiff.h"
#include "graph/graph_builder.h"
#include "gtest/gtest.h"
#include "ops/functions.h"
#include "tests/testing/evaluate.h"

namespace flowgrad {
namespace {

using ::testing::DoubleNear;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pointwise;

// Mean 4 and variance 5, to which epsilon adds 4: the deviation is 3.
const std::vector<double> kRow = {1, 3, 5, 7};

TEST(LayerNormalizationTest, TakesAllDimsFromTheAxisOnAsOneRow) {
  for (const int64_t axis : {1, -2}) {
    GraphBuilder g;
    const Value x = Doubles(g, {1, 2, 2}, kRow), scale = Doubles(g, {2, 1}, {3, 6}),
                b = Doubles(g, {2}, {10, 20});
    const std::vector<Value> y =
        CallMany("LayerNormalization", {x, scale, b}, {{"axis", axis}, {"epsilon", 4.0}}, 3);
    EXPECT_EQ(y[1].type().ToString(), "double[1,1,1]");
    const auto results = Evaluate(g, y);
    ASSERT_TRUE(results.ok()) << results.status();
    EXPECT_THAT(Numbers((*results)[0]), Pointwise(DoubleNear(1e-12), {7., 19., 12., 26.}));
    EXPECT_THAT(Numbers((*results)[1]), ElementsAre(4));
    EXPECT_THAT(Numbers((*results)[2]), ElementsAre(DoubleNear(1. / 3, 1e-12)));
  }
}

// d mean / dx = 1/4; d (1/deviation) / dx = -(x - mean) / (4 · 27).
TEST(LayerNormalizationTest, HasGradientsOfMeanAndDeviationAlone) {
  GraphBuilder g;
  const Value x = Doubles(g, {1, 4}, kRow), scale = Doubles(g, {4}, {1, 1, 1, 1});
  const std::vector<Value> y = CallMany("LayerNormalization", {x, scale}, {{"epsilon", 4.0}}, 3);
  const Value by_mean = Gradients(g, {y[1]}, {x})[0], by_deviation = Gradients(g, {y[2]}, {x})[0];
  const auto results = Evaluate(g, {by_mean, by_deviation});
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_THAT(Numbers((*results)[0]), Each(0.25));
  EXPECT_THAT(Numbers((*results)[1]),
              Pointwise(DoubleNear(1e-12), {3. / 108, 1. / 108, -1. / 108, -3. / 108}));
}

// 1e4 and a little: a variance from the mean of squares would have no digit left.
TEST(LayerNormalizationTest, KeepsItsDigitsFarFromZero) {
  GraphBuilder g;
  const Tensor x = Tensor::Of<float>({1, 4}, std::vector<float>{10001, 10003, 10005, 10007});
  const Value scale = g.Constant(Tensor::Filled(DType::kFloat, {4}, 1));
  const Value y = Call("LayerNormalization", {g.Constant(x), scale}, {{"epsilon", 4.0}});
  EXPECT_THAT(NumbersOf(g, y), Pointwise(DoubleNear(1e-6), {-1., -1. / 3, 1. / 3, 1.}));
}

TEST(LayerNormalizationTest, GivesTheShiftWhereARowIsConstant) {
  GraphBuilder g;
  const Value x = Doubles(g, {1, 3}, {2, 2, 2}), scale = Doubles(g, {3}, {5, 5, 5}),
              b = Doubles(g, {3}, {1, 2, 3});
  EXPECT_THAT(NumbersOf(g, Call("LayerNormalization", {x, scale, b})), ElementsAre(1, 2, 3));
}

TEST(LayerNormalizationTest, SaysWhatIsWrongWithItsInputs) {
  const auto message = [](const Dims& scale, const Attributes& attributes) {
    GraphBuilder g;
    const Value x = g.Input("x", "float[N,3,4]");
    Call("LayerNormalization", {x, g.Constant(Tensor::Filled(DType::kFloat, scale, 1))},
         attributes);
    return g.errors().size() == 1 ? g.errors()[0] : std::string();
  };
  EXPECT_THAT(message({3}, {}), HasSubstr("input \"Scale\" [3] must broadcast to [4], the dims of "
                                          "input \"X\" [N,3,4] from axis 2"));
  EXPECT_THAT(message({3, 4}, {}),
              HasSubstr("input \"Scale\" [3,4] must broadcast to [4], the dims of "));
  EXPECT_THAT(message({4}, {{"stash_type", 11}}),
              HasSubstr("attribute \"stash_type\" must be 1, but is 11"));
  EXPECT_THAT(message({4}, {{"axis", 3}}), HasSubstr("attribute \"axis\" must be from -3 to 2"));
}

}  // namespace
}  // namespace flowgrad
