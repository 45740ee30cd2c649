// Random numbers and Dropout: what they depend on, and what they must not.

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "graph/autodiff.h"
#include "graph/graph_builder.h"
#include "gtest/gtest.h"
#include "ops/builtin_ops.h"
#include "ops/philox.h"
#include "ops/run_op.h"
#include "tests/testing/evaluate.h"

namespace flowgrad {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The first numbers of SplitMix64 from state 0 and of the known-answer test of Random123.
TEST(PhiloxTest, GivesThePublishedNumbers) {
  EXPECT_EQ(MixBits(0x9e3779b97f4a7c15u), 0xe220a8397b1dcdafu);
  // MixBits(0) is 0, so the key is 0, and so is the counter.
  EXPECT_THAT(Philox(0, 0).Block(0, 0, 0),
              ElementsAre(0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u));
}

TEST(PhiloxTest, NeverUsesACounterTwice) {
  const Philox philox(7, 8);
  std::set<Philox::Words> seen;
  const std::vector<int64_t> places = {
      0, 1, 0xff, int64_t{1} << 31, int64_t{1} << 32, int64_t{0xff} << 32};
  for (const int64_t step : places) {
    for (const int64_t sample : places) {
      for (const int64_t block : places) seen.insert(philox.Block(step, sample, block));
    }
  }
  EXPECT_EQ(seen.size(), 6u * 6 * 6);
}

TEST(PhiloxTest, GivesOtherNumbersForOtherSeedsAndStreams) {
  std::set<Philox::Words> seen;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    for (uint64_t stream = 0; stream < 10; ++stream) {
      seen.insert(Philox(seed, stream).Block(0, 0, 0));
    }
  }
  EXPECT_EQ(seen.size(), 100u);
}

TEST(PhiloxTest, IsUniformAndNormal) {
  constexpr int kCount = 100000;
  const Philox philox(1, 2);
  double sum = 0, square = 0, low = 1, high = 0, normal = 0, normal_square = 0, normal_fourth = 0;
  for (int i = 0; i < kCount; ++i) {
    const double u = philox.UniformDouble(0, 0, i), f = philox.UniformFloat(0, 0, i);
    EXPECT_TRUE(u >= 0 && u < 1 && f >= 0 && f < 1);
    sum += u;
    square += f * f;
    low = std::min({low, u, f});
    high = std::max({high, u, f});
    const double z = philox.Normal(0, 0, i);
    normal += z;
    normal_square += z * z;
    normal_fourth += z * z * z * z;
  }
  // Five standard errors.
  EXPECT_NEAR(sum / kCount, 0.5, 5 * std::sqrt(1.0 / 12 / kCount));
  EXPECT_NEAR(square / kCount, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / kCount));
  EXPECT_LT(low, 1e-3);
  EXPECT_GT(high, 1 - 1e-3);
  EXPECT_NEAR(normal / kCount, 0, 5 * std::sqrt(1.0 / kCount));
  EXPECT_NEAR(normal_square / kCount, 1, 5 * std::sqrt(2.0 / kCount));
  EXPECT_NEAR(normal_fourth / kCount, 3, 5 * std::sqrt(96.0 / kCount));
}

// Output and mask.
std::vector<Tensor> RunDropout(const Tensor& x, double ratio, bool training,
                               const StepValues& values = {}, uint64_t stream = 5,
                               const Attributes& attributes = {}) {
  const auto outputs = RunOp(
      *BuiltinOps().Find("Dropout"), attributes,
      {x, Tensor::Scalar(static_cast<float>(ratio)), Tensor::Scalar(training)}, 2, values, stream);
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  return *outputs;
}

Tensor Ones(const Dims& dims, DType dtype = DType::kFloat) {
  return Tensor::Filled(dtype, dims, 1);
}

TEST(DropoutTest, CopiesWithoutTraining) {
  const Tensor x = Tensor::Of<float>({3}, std::vector<float>{1, -2, INFINITY});
  const std::vector<Tensor> outputs = RunDropout(x, 0.5, false);
  EXPECT_EQ(Numbers(outputs[0]), Numbers(x));
  EXPECT_THAT(Numbers(outputs[1]), Each(1));
  const auto alone = RunOp(*BuiltinOps().Find("Dropout"), {}, {x});
  ASSERT_TRUE(alone.ok()) << alone.status();
  EXPECT_EQ(Numbers((*alone)[0]), Numbers(x));
}

TEST(DropoutTest, KeepsAllAtRatioZero) {
  EXPECT_THAT(Numbers(RunDropout(Ones({50, 20}), 0, true)[0]), Each(1));
}

TEST(DropoutTest, DropsTheRatioAndKeepsTheMean) {
  const std::vector<Tensor> outputs = RunDropout(Ones({200, 500}), 0.25, true);
  const std::vector<double> y = Numbers(outputs[0]), mask = Numbers(outputs[1]);
  int kept = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    kept += mask[i] != 0;
    EXPECT_EQ(y[i], mask[i] != 0 ? 1 / 0.75f : 0.0f);
  }
  EXPECT_NEAR(kept / 1e5, 0.75, 5 * std::sqrt(0.75 * 0.25 / 1e5));
}

TEST(DropoutTest, DropsTheSameInDouble) {
  EXPECT_EQ(Numbers(RunDropout(Ones({9, 11}), 0.5, true)[1]),
            Numbers(RunDropout(Ones({9, 11}, DType::kDouble), 0.5, true)[1]));
}

TEST(DropoutTest, DropsNaNAndInfinityToo) {
  const Tensor x = Tensor::Filled(DType::kFloat, {1000}, NAN);
  const std::vector<Tensor> outputs = RunDropout(x, 0.5, true);
  for (int64_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(std::isnan(outputs[0].at(i)), outputs[1].at(i) != 0);
  }
}

TEST(DropoutTest, ChangesWithSeedStepStreamAndAttribute) {
  const Tensor x = Ones({8, 64});
  std::set<std::vector<double>> masks;
  masks.insert(Numbers(RunDropout(x, 0.5, true)[1]));
  masks.insert(Numbers(RunDropout(x, 0.5, true, {.seed = 1})[1]));
  masks.insert(Numbers(RunDropout(x, 0.5, true, {.step = 1})[1]));
  masks.insert(Numbers(RunDropout(x, 0.5, true, {.first_sample = 8})[1]));
  masks.insert(Numbers(RunDropout(x, 0.5, true, {}, 6)[1]));
  masks.insert(Numbers(RunDropout(x, 0.5, true, {}, 5, {{"seed", 1}})[1]));
  EXPECT_EQ(masks.size(), 6u);
  EXPECT_EQ(Numbers(RunDropout(x, 0.5, true)[1]), Numbers(RunDropout(x, 0.5, true)[1]));
}

TEST(DropoutTest, DrawsAShardAsItsPartOfTheBatch) {
  const std::vector<double> whole = Numbers(RunDropout(Ones({16, 30}), 0.5, true)[1]);
  const std::vector<double> half =
      Numbers(RunDropout(Ones({8, 30}), 0.5, true, {.first_sample = 8})[1]);
  EXPECT_EQ(half, std::vector<double>(whole.begin() + 8 * 30, whole.end()));
}

// Cuts [4,6,10] at [1:3,2:5,3:9] and gives the kernel strided views.
TEST(DropoutTest, DoesNotDependOnHowItIsCut) {
  const Dims dims = {4, 6, 10};
  const Tensor x = Ones(dims);
  const std::vector<double> whole = Numbers(RunDropout(x, 0.5, true)[0]);

  const OpDef& op = *BuiltinOps().Find("Dropout");
  Attributes attributes;
  ASSERT_TRUE(op.CompleteAttributes(attributes).ok());
  const Tensor ratio = Tensor::Scalar(0.5f), training = Tensor::Scalar(true);
  const auto call = OpCall::Make(&op, &attributes, {x, ratio, training}, 1);
  ASSERT_TRUE(call.ok()) << call.status();
  const Prepared prepared = *op.prepare()(call->shapes());
  Tensor y(DType::kFloat, dims);
  const Dims cut = {2, 3, 6}, origin = {1, 2, 3};
  const int64_t offset = 1 * 60 + 2 * 10 + 3;
  const Tensor x_cut = x.WithLayout(cut, x.strides(), offset);
  const Tensor y_cut = y.WithLayout(cut, y.strides(), offset);
  const std::vector<View> inputs = {x_cut.view(), ratio.view(), training.view()};
  const std::vector<View> outputs = {y_cut.view()};
  const StepValues values;
  KernelContext context;
  context.inputs = inputs;
  context.outputs = outputs;
  context.origin = origin;
  context.prepared_data = prepared.data.get();
  context.values = &values;
  context.stream = 5;
  ASSERT_TRUE(op.kernel(DType::kFloat)(context).ok());
  for (int64_t a = 1; a < 3; ++a) {
    for (int64_t b = 2; b < 5; ++b) {
      for (int64_t c = 3; c < 9; ++c) {
        EXPECT_EQ(y.at(a * 60 + b * 10 + c), whole[a * 60 + b * 10 + c]);
      }
    }
  }
}

TEST(DropoutTest, TakesAnyRankAndEmptyTensors) {
  for (const Dims& dims : {Dims{}, Dims{7}, Dims{0}, Dims{3, 0}, Dims{0, 4}, Dims{2, 3, 4, 5}}) {
    EXPECT_EQ(RunDropout(Ones(dims), 0.5, true)[0].dims(), dims);
  }
}

TEST(DropoutTest, RefusesARatioOfOneOrMoreOrLessThanZero) {
  for (const auto& [ratio, text] :
       std::vector<std::pair<float, std::string>>{{1, "1"}, {-0.5f, "-0.5"}, {NAN, "nan"}}) {
    const auto y = RunOp(*BuiltinOps().Find("Dropout"), {}, {Ones({2}), Tensor::Scalar(ratio)});
    EXPECT_EQ(y.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(y.status().message(),
              "input \"ratio\" must be a number from 0 up to but not including 1, but is " + text);
  }
}

TEST(DropoutTest, HasTheGradientOfItsMask) {
  GraphBuilder g;
  const Value x = Doubles(g, {20, 30}, std::vector<double>(600, 2));
  const Value ratio = ConstantOf(g, DType::kFloat, {}, {0.75});
  const Value y = Call("Dropout", {x, ratio, ConstantOf(g, DType::kBool, {}, {1})}).As("drop");
  const auto results = Evaluate(g, {y, Gradients(g, {y}, {x})[0]}, {.seed = 3, .step = 9});
  ASSERT_TRUE(results.ok()) << results.status();
  const std::vector<double> output = Numbers((*results)[0]), gradient = Numbers((*results)[1]);
  EXPECT_GT(std::count(output.begin(), output.end(), 0), 400);
  for (size_t i = 0; i < output.size(); ++i) EXPECT_EQ(gradient[i], output[i] == 0 ? 0 : 4);
}

TEST(DropoutTest, HasTheGradientOneWithoutTraining) {
  for (const bool given : {false, true}) {
    GraphBuilder g;
    const Value x = Doubles(g, {3}, {1, 2, 3});
    const Value training = given ? ConstantOf(g, DType::kBool, {}, {0}) : Value();
    const Value y = Call("Dropout", {x, Value(), training});
    EXPECT_THAT(NumbersOf(g, Gradients(g, {y}, {x})[0]), Each(1));
  }
}

}  // namespace
}  // namespace flowgrad
