// Softmax and the losses: worked examples, extreme scores, labels that are wrong or ignored, second
// derivatives.

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "graph/autodiff.h"
#include "graph/graph_builder.h"
#include "gtest/gtest.h"
#include "ops/builtin_ops.h"
#include "ops/functions.h"
#include "ops/run_op.h"
#include "tests/testing/evaluate.h"

namespace flowgrad {
namespace {

using ::testing::DoubleNear;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsNan;
using ::testing::Pointwise;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Of the worked example in docs: three classes, labels 0, 1, 2.
const std::vector<double> kScores = {3.2, 5.1, -1.7, 1.3, 4.9, 2.0, 2.2, 2.5, -3.1};

MATCHER_P(Near, tolerance, "") {
  return std::fabs(std::get<0>(arg) - std::get<1>(arg)) <= tolerance;
}

std::vector<double> RunOnLine(const char* op, const std::vector<float>& line) {
  const Tensor x = Tensor::Of<float>({static_cast<int64_t>(line.size())}, line);
  return Numbers((*RunOp(*BuiltinOps().Find(op), {}, {x}))[0]);
}

std::string MessageOf(GraphBuilder& g, Value value, const StepValues& step = {}) {
  return std::string(Evaluate(g, {value}, step).status().message());
}

TEST(SoftmaxTest, HasTheJacobianOfTheWorkedExample) {
  const std::vector<double> jacobian = {0.08192507,  -0.02203304, -0.05989202,
                                        -0.02203304, 0.18483645,  -0.16280340,
                                        -0.05989202, -0.16280340, 0.22269543};
  for (int row = 0; row < 3; ++row) {
    GraphBuilder g;
    const Value x = Doubles(g, {3}, {1, 2, 3}), y = Call("Softmax", {x});
    std::vector<double> upstream(3, 0);
    upstream[row] = 1;
    const Value dx = Gradients(g, {y}, {x}, {.upstream = {Doubles(g, {3}, upstream)}})[0];
    const std::vector<double> expected(&jacobian[3 * row], &jacobian[3 * row] + 3);
    EXPECT_THAT(NumbersOf(g, dx), Pointwise(Near(1e-8), expected));
  }
}

TEST(SoftmaxTest, DoesNotOverflow) {
  EXPECT_THAT(RunOnLine("Softmax", {3e38f, 3e38f, -3e38f}), ElementsAre(0.5, 0.5, 0));
  EXPECT_THAT(RunOnLine("LogSoftmax", {1000, 0}), ElementsAre(0, -1000));
  EXPECT_THAT(RunOnLine("Softmax", {-INFINITY, 1, -INFINITY}), ElementsAre(0, 1, 0));
}

TEST(SoftmaxTest, GivesNothingAShareWhereAllIsMinusInfinity) {
  EXPECT_THAT(RunOnLine("Softmax", {-INFINITY, -INFINITY}), ElementsAre(0, 0));
  EXPECT_THAT(RunOnLine("LogSoftmax", {-INFINITY, -INFINITY}), ElementsAre(-kInf, -kInf));
}

TEST(SoftmaxTest, MakesAWholeLineOfNanAndInfinityNan) {
  for (const char* op : {"Softmax", "LogSoftmax"}) {
    EXPECT_THAT(RunOnLine(op, {NAN, NAN}), Each(IsNan()));
    EXPECT_THAT(RunOnLine(op, {1, NAN, 2}), Each(IsNan()));
    EXPECT_THAT(RunOnLine(op, {-INFINITY, NAN, -INFINITY}), Each(IsNan()));
    EXPECT_THAT(RunOnLine(op, {1, INFINITY}), Each(IsNan()));
  }
}

TEST(SoftmaxTest, TakesEmptyTensors) {
  for (const char* op : {"Softmax", "LogSoftmax"}) {
    for (const Dims& dims : {Dims{0, 3}, Dims{3, 0}}) {
      const auto y = RunOp(*BuiltinOps().Find(op), {}, {Tensor(DType::kFloat, dims)});
      ASSERT_TRUE(y.ok()) << y.status();
      EXPECT_EQ((*y)[0].dims(), dims);
    }
  }
}

TEST(SoftmaxTest, HasTheSameBitsAlongAnyAxisAndInAnyStrides) {
  constexpr int64_t kRows = 5, kColumns = 201;
  Tensor x(DType::kFloat, {kRows, kColumns});
  for (int64_t i = 0; i < x.num_elements(); ++i) x.set(i, 9 * std::sin(double(i)));
  const Tensor columns = x.WithLayout({kColumns, kRows}, {1, kColumns}, 0);
  const Tensor reversed = x.WithLayout({kRows, kColumns}, {-kColumns, 1}, (kRows - 1) * kColumns);
  for (const char* op : {"Softmax", "LogSoftmax"}) {
    const OpDef& def = *BuiltinOps().Find(op);
    const Tensor along_rows = (*RunOp(def, {}, {x}))[0];
    const Tensor along_columns = (*RunOp(def, {{"axis", 0}}, {columns}))[0];
    const Tensor of_reversed = (*RunOp(def, {{"axis", 1}}, {reversed}))[0];
    for (int64_t r = 0; r < kRows; ++r) {
      for (int64_t c = 0; c < kColumns; ++c) {
        EXPECT_EQ(along_rows.at(r * kColumns + c), along_columns.at(c * kRows + r));
        EXPECT_EQ(along_rows.at(r * kColumns + c), of_reversed.at((kRows - 1 - r) * kColumns + c));
      }
    }
  }
}

TEST(SoftmaxTest, RefusesAnAxisThatIsNotThere) {
  GraphBuilder g;
  Call("Softmax", {Doubles(g, {2, 3}, {1, 2, 3, 4, 5, 6})}, {{"axis", 2}});
  EXPECT_THAT(
      g.errors()[0],
      HasSubstr("attribute \"axis\" must be from -2 to 1 for a tensor of rank 2, but is 2"));
}

TEST(SoftmaxCrossEntropyLossTest, GivesTheNumbersOfTheWorkedExample) {
  for (const DType dtype : {DType::kFloat, DType::kDouble}) {
    GraphBuilder g;
    const Value scores = ConstantOf(g, dtype, {3, 3}, kScores), labels = Int64s(g, {3}, {0, 1, 2});
    const auto loss = [&](const char* reduction) {
      return Call("SoftmaxCrossEntropyLoss", {scores, labels}, {{"reduction", reduction}});
    };
    const auto results = Evaluate(g, {loss("none"), loss("sum"), loss("mean")});
    ASSERT_TRUE(results.ok()) << results.status();
    const std::vector<double> losses = {2.04035515, 0.07913178, 6.15647720};
    EXPECT_THAT(Numbers((*results)[0]), Pointwise(Near(1e-6), losses));
    EXPECT_NEAR((*results)[1].at(0), 8.27596413, 1e-6);
    EXPECT_NEAR((*results)[2].at(0), 8.27596413 / 3, 1e-6);
  }
}

TEST(SoftmaxCrossEntropyLossTest, HasTheGradientSharesMinusOneHot) {
  GraphBuilder g;
  const Value scores = Doubles(g, {3, 3}, kScores), labels = Int64s(g, {3}, {0, 1, 2});
  const Value loss = Call("SoftmaxCrossEntropyLoss", {scores, labels});
  const Value dscores = Gradients(g, {loss}, {scores})[0];
  std::vector<double> expected;
  for (int row = 0; row < 3; ++row) {
    double sum = 0;
    for (int c = 0; c < 3; ++c) sum += std::exp(kScores[3 * row + c]);
    for (int c = 0; c < 3; ++c) {
      expected.push_back((std::exp(kScores[3 * row + c]) / sum - (c == row)) / 3);
    }
  }
  EXPECT_THAT(NumbersOf(g, dscores), Pointwise(Near(1e-14), expected));
}

// H v by central differences of the gradient, against the gradient of <gradient, v>.
TEST(SoftmaxCrossEntropyLossTest, HasASecondDerivative) {
  const std::vector<double> v = {0.3, -1, 0.5, 2, 0.1, -0.7, 1, 1, -0.2};
  const auto gradient_at = [&](double step) {
    std::vector<double> scores = kScores;
    for (size_t i = 0; i < scores.size(); ++i) scores[i] += step * v[i];
    GraphBuilder g;
    const Value x = Doubles(g, {3, 3}, scores), labels = Int64s(g, {3}, {0, 1, 2});
    return NumbersOf(g, Gradients(g, {Call("SoftmaxCrossEntropyLoss", {x, labels})}, {x})[0]);
  };
  const std::vector<double> after = gradient_at(1e-5), before = gradient_at(-1e-5);
  std::vector<double> expected;
  for (size_t i = 0; i < v.size(); ++i) expected.push_back((after[i] - before[i]) / 2e-5);

  GraphBuilder g;
  const Value x = Doubles(g, {3, 3}, kScores), labels = Int64s(g, {3}, {0, 1, 2});
  const Value dx = Gradients(g, {Call("SoftmaxCrossEntropyLoss", {x, labels})}, {x})[0];
  const Value ddx = Gradients(g, {dx}, {x}, {.upstream = {Doubles(g, {3, 3}, v)}})[0];
  EXPECT_THAT(NumbersOf(g, ddx), Pointwise(Near(1e-9), expected));
}

TEST(SoftmaxCrossEntropyLossTest, DividesTheMeanByTheWeightsOfItsLabels) {
  GraphBuilder g;
  const Value scores = Doubles(g, {3, 3}, kScores), labels = Int64s(g, {3}, {0, 1, 2});
  const Value weights = Doubles(g, {3}, {1, 2, 0.5});
  const auto results = Evaluate(
      g, {Call("SoftmaxCrossEntropyLoss", {scores, labels, weights}),
          Call("SoftmaxCrossEntropyLoss", {scores, labels, weights}, {{"ignore_index", 2}}),
          Call("SoftmaxCrossEntropyLoss", {scores, labels}, {{"ignore_index", 2}}),
          Call("SoftmaxCrossEntropyLoss", {scores, labels},
               {{"ignore_index", 2}, {"reduction", "sum"}})});
  ASSERT_TRUE(results.ok()) << results.status();
  const double first = 2.04035515, second = 0.07913178, third = 6.15647720;
  EXPECT_NEAR((*results)[0].at(0), (first + 2 * second + 0.5 * third) / 3.5, 1e-7);
  EXPECT_NEAR((*results)[1].at(0), (first + 2 * second) / 3, 1e-7);
  EXPECT_NEAR((*results)[2].at(0), (first + second) / 2, 1e-7);
  EXPECT_NEAR((*results)[3].at(0), first + second, 1e-7);
}

TEST(SoftmaxCrossEntropyLossTest, GivesAnIgnoredSampleNoGradient) {
  GraphBuilder g;
  const Value scores = Doubles(g, {2, 2}, {1, 1, 5, 6}), labels = Int64s(g, {2}, {0, -100});
  const Value loss = Call("SoftmaxCrossEntropyLoss", {scores, labels}, {{"ignore_index", -100}});
  EXPECT_THAT(NumbersOf(g, Gradients(g, {loss}, {scores})[0]), ElementsAre(-0.5, 0.5, 0, 0));
}

TEST(SoftmaxCrossEntropyLossTest, TakesInt32LabelsAndGivesLogProbabilities) {
  GraphBuilder g;
  const Value scores = Doubles(g, {1, 2}, {0, 0});
  const Value labels = ConstantOf(g, DType::kInt32, {1}, {1});
  const std::vector<Value> outputs = CallMany("SoftmaxCrossEntropyLoss", {scores, labels}, {}, 2);
  const auto results = Evaluate(g, outputs);
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_NEAR((*results)[0].at(0), std::log(2.0), 1e-15);
  EXPECT_THAT(Numbers((*results)[1]), Each(DoubleNear(-std::log(2.0), 1e-15)));
}

TEST(SoftmaxCrossEntropyLossTest, TakesPositionsAfterTheClasses) {
  GraphBuilder g;
  // [samples, classes, positions] = [1,2,2]: at position 0 the scores are (0, log 3), at 1 (0, 0).
  const Value scores = Doubles(g, {1, 2, 2}, {0, 0, std::log(3.0), 0});
  const Value labels = Int64s(g, {1, 2}, {1, 0});
  const Value loss = Call("SoftmaxCrossEntropyLoss", {scores, labels}, {{"reduction", "none"}});
  EXPECT_THAT(NumbersOf(g, loss),
              ElementsAre(DoubleNear(std::log(4.0 / 3), 1e-15), DoubleNear(std::log(2.0), 1e-15)));
}

TEST(SoftmaxCrossEntropyLossTest, NamesTheSampleWithAWrongLabel) {
  for (const double wrong : {10.0, -1.0}) {
    GraphBuilder g;
    const Value scores = FilledLike(Doubles(g, {5, 10}, std::vector<double>(50)), 0.5);
    const Value labels = Int64s(g, {5}, {0, 9, 1, wrong, 77});
    const Value loss = Call("SoftmaxCrossEntropyLoss", {scores, labels}).As("loss");
    const Value dscores = Gradients(g, {loss}, {scores})[0];
    const std::string expected =
        "label of sample 3 must be from 0 to 9, but is " + std::to_string(static_cast<int>(wrong));
    const absl::Status status = Evaluate(g, {dscores}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), ::testing::EndsWith(expected));
  }
}

TEST(SoftmaxCrossEntropyLossTest, CountsSamplesOverTheWholeBatch) {
  GraphBuilder g;
  const Value scores = Doubles(g, {2, 2, 1}, {1, 2, 3, 4}), labels = Int64s(g, {2, 1}, {0, 2});
  EXPECT_THAT(MessageOf(g, Call("SoftmaxCrossEntropyLoss", {scores, labels}), {.first_sample = 64}),
              HasSubstr("label of sample 65 at [0] must be from 0 to 1, but is 2"));
}

// A cut of the batch, as a plan makes it.
TEST(SoftmaxCrossEntropyLossTest, CountsSamplesFromTheOriginOfACut) {
  const Tensor data = Tensor::Filled(DType::kFloat, {2, 3}, 0);
  const Tensor labels = Tensor::Of<int64_t>({2}, std::vector<int64_t>{0, 3});
  const Tensor picked(DType::kFloat, {2});
  const OpDef& op = *BuiltinOps().Find("PickLabel");
  Attributes attributes;
  ASSERT_TRUE(op.CompleteAttributes(attributes).ok());
  const auto call = OpCall::Make(&op, &attributes, {data, labels}, 1);
  ASSERT_TRUE(call.ok()) << call.status();
  const Prepared prepared = *op.prepare()(call->shapes());
  const std::vector<View> inputs = {data.view(), labels.view()}, outputs = {picked.view()};
  const Dims origin = {40};
  const StepValues values;
  KernelContext context;
  context.inputs = inputs;
  context.outputs = outputs;
  context.origin = origin;
  context.prepared_data = prepared.data.get();
  context.values = &values;
  EXPECT_EQ(op.kernel(DType::kFloat)(context).message(),
            "label of sample 41 must be from 0 to 2, but is 3");
}

TEST(SoftmaxCrossEntropyLossTest, SaysWhatIsWrongWithItsInputs) {
  struct Case {
    Dims scores, labels;
    DType dtype;
    Attributes attributes;
    std::string message;
  };
  const std::vector<Case> cases = {
      {{4, 3},
       {3},
       DType::kInt64,
       {},
       "input \"labels\" [3] must have the shape [4]: that of input \"scores\" [4,3] without axis "
       "1"},
      {{4, 3}, {4}, DType::kFloat, {}, "input \"labels\" must be int64 or int32, but is float"},
      {{4}, {4}, DType::kInt64, {}, "input \"scores\" [4] must have rank 2 or more"},
      {{4, 3},
       {4},
       DType::kInt64,
       {{"reduction", "avg"}},
       "attribute \"reduction\" must be none, mean or sum, but is \"avg\""},
  };
  for (const Case& c : cases) {
    GraphBuilder g;
    Call("SoftmaxCrossEntropyLoss",
         {g.Constant(Tensor::Filled(DType::kFloat, c.scores, 0)),
          g.Constant(Tensor::Filled(c.dtype, c.labels, 0))},
         c.attributes);
    ASSERT_EQ(g.errors().size(), 1u);
    EXPECT_THAT(g.errors()[0], HasSubstr(c.message));
  }
}

TEST(SoftmaxCrossEntropyLossTest, TakesABatchWhoseSizeIsASymbol) {
  GraphBuilder g;
  const Value scores = g.Input("scores", "float[N,3]"), labels = g.Input("labels", "int64[N]");
  const Value loss = Call("SoftmaxCrossEntropyLoss", {scores, labels}, {{"ignore_index", 1}});
  const Value dscores = Gradients(g, {loss}, {scores})[0];
  ASSERT_THAT(g.errors(), IsEmpty());
  EXPECT_EQ(dscores.type().ToString(), "float[N,3]");
}

TEST(NegativeLogLikelihoodLossTest, IsTheOtherHalfOfTheCrossEntropy) {
  GraphBuilder g;
  const Value scores = Doubles(g, {3, 3}, kScores), labels = Int64s(g, {3}, {0, 1, 2});
  const Value log_prob = Call("LogSoftmax", {scores}, {{"axis", 1}});
  EXPECT_THAT(NumbersOf(g, Call("NegativeLogLikelihoodLoss", {log_prob, labels})),
              ElementsAre(DoubleNear(8.27596413 / 3, 1e-8)));
}

TEST(HingeLossTest, GivesTheNumbersOfTheWorkedExample) {
  GraphBuilder g;
  const Value scores = Doubles(g, {3, 3}, kScores), labels = Int64s(g, {3}, {0, 1, 2});
  const Value losses = Call("HingeLoss", {scores, labels}, {{"reduction", "none"}});
  const Value mean = Call("HingeLoss", {scores, labels});
  const Value dscores = Gradients(g, {mean}, {scores})[0];
  const auto results = Evaluate(g, {losses, mean, dscores});
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_THAT(Numbers((*results)[0]), Pointwise(Near(1e-12), std::vector<double>{2.9, 0, 12.9}));
  EXPECT_NEAR((*results)[1].at(0), 5.26666667, 1e-8);
  std::vector<double> expected = {-1, 1, 0, 0, 0, 0, 1, 1, -2};
  for (double& x : expected) x /= 3;
  EXPECT_THAT(Numbers((*results)[2]), Pointwise(Near(1e-15), expected));
}

TEST(HingeLossTest, TakesAMargin) {
  GraphBuilder g;
  const Value scores = Doubles(g, {1, 3}, {1, 2, -5}), labels = Int64s(g, {1}, {0});
  EXPECT_THAT(NumbersOf(g, Call("HingeLoss", {scores, labels}, {{"margin", 4}})), ElementsAre(5));
}

TEST(MeanSquaredErrorTest, SquaresThenReduces) {
  GraphBuilder g;
  const Value y = Doubles(g, {2, 2}, {1, 2, 3, 4}), t = Doubles(g, {2, 2}, {1, 0, 6, 4});
  const Value mean = Call("MeanSquaredError", {y, t});
  const auto results = Evaluate(
      g, {mean, Call("MeanSquaredError", {y, t}, {{"reduction", "sum"}}),
          Call("MeanSquaredError", {y, t}, {{"reduction", "none"}}), Gradients(g, {mean}, {y})[0]});
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_THAT(Numbers((*results)[0]), ElementsAre(3.25));
  EXPECT_THAT(Numbers((*results)[1]), ElementsAre(13));
  EXPECT_THAT(Numbers((*results)[2]), ElementsAre(0, 4, 9, 0));
  EXPECT_THAT(Numbers((*results)[3]), ElementsAre(0, 1, -1.5, 0));
}

TEST(MeanSquaredErrorTest, DoesNotBroadcast) {
  GraphBuilder g;
  Call("MeanSquaredError", {Doubles(g, {2, 1}, {1, 2}), Doubles(g, {2}, {1, 2})});
  EXPECT_THAT(
      g.errors()[0],
      HasSubstr("input \"targets\" [2] must have the shape of input \"predictions\" [2,1]"));
}

TEST(SigmoidCrossEntropyLossTest, KeepsItsDigitsInTheTails) {
  GraphBuilder g;
  const Value z = Doubles(g, {6}, {0, 100, 100, -700, -700, 2});
  const Value t = Doubles(g, {6}, {0.25, 1, 0, 0, 1, 0.75});
  const Value loss = Call("SigmoidCrossEntropyLoss", {z, t}, {{"reduction", "none"}});
  const std::vector<double> numbers = NumbersOf(g, loss);
  const std::vector<double> expected = {
      std::log(2.0), std::exp(-100.0), 100, std::exp(-700.0), 700, std::log1p(std::exp(2.0)) - 1.5};
  ASSERT_EQ(numbers.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(numbers[i], expected[i], 1e-15 * std::fabs(expected[i])) << i;
  }
}

TEST(SigmoidCrossEntropyLossTest, HasAGradientWhereTheLogitIsZero) {
  GraphBuilder g;
  const Value z = Doubles(g, {2}, {0, 0}), t = Doubles(g, {2}, {0, 1});
  const Value loss = Call("SigmoidCrossEntropyLoss", {z, t});
  EXPECT_THAT(NumbersOf(g, Gradients(g, {loss}, {z})[0]), ElementsAre(0.25, -0.25));
}

TEST(SoftplusTest, DoesNotOverflowAndKeepsItsTail) {
  EXPECT_THAT(RunOnLine("Softplus", {0, 200, -INFINITY, INFINITY, NAN}),
              ElementsAre(DoubleNear(std::log(2.0), 1e-7), 200, 0, kInf, IsNan()));
  EXPECT_NEAR(RunOnLine("Softplus", {-80})[0] / std::exp(-80.0), 1, 1e-6);
}

}  // namespace
}  // namespace flowgrad
