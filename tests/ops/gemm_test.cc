// Gemm: every way to call it, and what it says of shapes that do not fit.

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "graph/autodiff.h"
#include "graph/graph_builder.h"
#include "gtest/gtest.h"
#include "tests/testing/evaluate.h"

namespace flowgrad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// [1 2; 3 4] · [5 6 7; 8 9 10] = [21 24 27; 47 54 61]
TEST(GemmTest, MultipliesScalesAndAdds) {
  GraphBuilder g;
  const Value a = Doubles(g, {2, 2}, {1, 2, 3, 4}), b = Doubles(g, {2, 3}, {5, 6, 7, 8, 9, 10});
  const Value a_turned = Doubles(g, {2, 2}, {1, 3, 2, 4});
  const Value b_turned = Doubles(g, {3, 2}, {5, 8, 6, 9, 7, 10});
  const Value row = Doubles(g, {3}, {100, 200, 300}), column = Doubles(g, {2, 1}, {1000, 2000});
  const auto results = Evaluate(
      g,
      {Call("Gemm", {a, b}), Call("Gemm", {a_turned, b_turned}, {{"transA", 1}, {"transB", 1}}),
       Call("Gemm", {a, b, row}), Call("Gemm", {a, b, column}, {{"alpha", 2.0}, {"beta", 0.5}})});
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_THAT(Numbers((*results)[0]), ElementsAre(21, 24, 27, 47, 54, 61));
  EXPECT_THAT(Numbers((*results)[1]), ElementsAre(21, 24, 27, 47, 54, 61));
  EXPECT_THAT(Numbers((*results)[2]), ElementsAre(121, 224, 327, 147, 254, 361));
  EXPECT_THAT(Numbers((*results)[3]), ElementsAre(542, 548, 554, 1094, 1108, 1122));
}

TEST(GemmTest, HasTheGradientOfItsParts) {
  GraphBuilder g;
  const Value a = Doubles(g, {1, 2}, {1, 2}), b = Doubles(g, {1, 2}, {3, 4});
  const Value c = Doubles(g, {}, {5});
  const Value y = Call("Gemm", {a, b, c}, {{"alpha", 2.0}, {"beta", 3.0}, {"transA", 1}});
  const std::vector<Value> gradients = Gradients(g, {y}, {a, b, c});
  const auto results = Evaluate(g, gradients);
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_THAT(Numbers((*results)[0]), ElementsAre(14, 14));
  EXPECT_THAT(Numbers((*results)[1]), ElementsAre(6, 6));
  EXPECT_THAT(Numbers((*results)[2]), ElementsAre(12));
}

TEST(GemmTest, SaysWhichShapeDoesNotFit) {
  const auto error = [](const Dims& a, const Dims& b, const Dims& c, const Attributes& attributes) {
    GraphBuilder g;
    const auto zeros = [&](const Dims& dims) {
      return g.Constant(Tensor::Filled(DType::kFloat, dims, 0));
    };
    Call("Gemm", {zeros(a), zeros(b), zeros(c)}, attributes);
    return g.errors().empty() ? "" : g.errors()[0];
  };
  EXPECT_THAT(error({2, 3}, {4, 5}, {}, {}),
              HasSubstr("input \"B\" must have 3 rows to match input \"A\" [2,3], but its shape is "
                        "[4,5]"));
  EXPECT_THAT(error({2, 3}, {4, 5}, {}, {{"transA", 1}, {"transB", 1}}),
              HasSubstr("input \"B\" must have 2 columns to match input \"A\" [2,3] transposed"));
  EXPECT_THAT(error({2}, {2, 5}, {}, {}), HasSubstr("input \"A\" [2] must have rank 2"));
  EXPECT_THAT(error({2, 3}, {3, 5}, {2}, {}),
              HasSubstr("input \"C\" [2] must broadcast to the product's shape [2,5]"));
  EXPECT_THAT(error({1, 3}, {3, 5}, {4, 5}, {}), HasSubstr("must broadcast to the product's"));
}

}  // namespace
}  // namespace flowgrad
