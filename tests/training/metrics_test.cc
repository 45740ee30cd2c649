#include "training/metrics.h"

#include <cmath>
#include <limits>

#include "google/protobuf/text_format.h"
#include "graph/graph_text.h"
#include "gtest/gtest.h"
#include "proto/training.pb.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

Graph Model() {
  const absl::StatusOr<Graph> graph = ParseGraphText(
      "input logits: float[N,3]\n"
      "input classes: int64[N]\n"
      "input small: int32[N]\n"
      "input y: double[N,2]\n"
      "input target: float[N,2]\n"
      "input flat: float[N]\n"
      "input mask: bool[N,2]\n"
      "parameter w: float[] = constant(1)\n"
      "s = ReduceSum(flat) {keepdims=0}\n"
      "loss = Mul(s, w)\n"
      "output loss\n");
  EXPECT_THAT(graph, IsOk());
  return *graph;
}

absl::StatusOr<std::unique_ptr<Metric>> MakeMetric(const char* text) {
  MetricDef def;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &def));
  TrainingDef training;
  training.set_loss("loss");
  return Metric::Make(def, training, Model());
}

std::unique_ptr<Metric> Made(const char* text) {
  absl::StatusOr<std::unique_ptr<Metric>> metric = MakeMetric(text);
  EXPECT_THAT(metric, IsOk());
  return *std::move(metric);
}

Tensor Floats(Dims dims, std::vector<float> values) { return Tensor::Of<float>(dims, values); }
Tensor Doubles(Dims dims, std::vector<double> values) { return Tensor::Of<double>(dims, values); }
Tensor Int64s(std::vector<int64_t> values) {
  return Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, values);
}
Tensor Int32s(std::vector<int32_t> values) {
  return Tensor::Of<int32_t>({static_cast<int64_t>(values.size())}, values);
}

constexpr char kAccuracy[] = "name: 'accuracy' prediction: 'logits' label: 'classes'";
constexpr char kTop2[] = "name: 'top_k' k: 2 prediction: 'logits' label: 'classes'";
constexpr char kConfusion[] = "name: 'confusion_matrix' prediction: 'logits' label: 'classes'";
constexpr char kAbsolute[] = "name: 'mean_absolute_error' prediction: 'y' label: 'target'";
constexpr char kR2[] = "name: 'r2' prediction: 'y' label: 'target'";

TEST(MetricTest, IsNotANumberBeforeAnythingIsAdded) {
  for (const char* text : {"name: 'loss'", kAccuracy, kTop2, kConfusion, kAbsolute, kR2}) {
    EXPECT_TRUE(std::isnan(Made(text)->value())) << text;
  }
  const auto metric = Made(kAccuracy);
  EXPECT_THAT(metric->Add({Floats({0, 3}, {}), Int64s({})}, 0), IsOk());
  EXPECT_TRUE(std::isnan(metric->value()));
}

TEST(MetricTest, SaysItsNameAndWhatItTakes) {
  EXPECT_EQ(Made("name: 'loss'")->name(), "loss");
  EXPECT_EQ(Made("name: 'loss'")->fetches(), std::vector<std::string>({"loss"}));
  EXPECT_EQ(Made(kTop2)->name(), "top_2");
  EXPECT_EQ(Made("name: 'top_k' prediction: 'logits' label: 'classes'")->name(), "top_5");
  EXPECT_EQ(Made(kR2)->fetches(), std::vector<std::string>({"y", "target"}));
  EXPECT_FALSE(Made(kR2)->is_table());
  EXPECT_EQ(Made(kR2)->Table({}), "");
  EXPECT_TRUE(Made(kConfusion)->is_table());
}

TEST(LossTest, IsWeightedByTheSamplesOfABatch) {
  const auto metric = Made("name: 'loss'");
  EXPECT_THAT(metric->Add({Tensor::Scalar(2.0f)}, 30), IsOk());
  EXPECT_THAT(metric->Add({Tensor::Scalar(6.0f)}, 10), IsOk());
  EXPECT_EQ(metric->value(), 3);
}

TEST(AccuracyTest, CountsTheFirstOfEqualValues) {
  const auto metric = Made(kAccuracy);
  EXPECT_THAT(metric->Add({Floats({3, 3}, {1, 2, 2, 1, 2, 2, 5, 5, 5}), Int64s({1, 2, 0})}, 3),
              IsOk());
  EXPECT_DOUBLE_EQ(metric->value(), 2.0 / 3);
  EXPECT_THAT(metric->Add({Floats({1, 3}, {-kInf, -kInf, -3}), Int64s({2})}, 1), IsOk());
  EXPECT_DOUBLE_EQ(metric->value(), 3.0 / 4);
}

TEST(AccuracyTest, NeverCountsAPredictionThatIsNotANumber) {
  const auto metric = Made(kAccuracy);
  const float nan = std::nanf("");
  // Nothing but NaN; NaN at the label; the largest number beside a NaN.
  EXPECT_THAT(
      metric->Add({Floats({3, 3}, {nan, nan, nan, nan, 1, 2, nan, 1, 2}), Int64s({0, 0, 2})}, 3),
      IsOk());
  EXPECT_DOUBLE_EQ(metric->value(), 1.0 / 3);
}

TEST(AccuracyTest, ComparesPredictedClasses) {
  const auto metric = Made("name: 'accuracy' prediction: 'small' label: 'classes'");
  EXPECT_THAT(metric->Add({Int32s({1, -2, 3, 7}), Int64s({1, -2, 4, 1})}, 4), IsOk());
  EXPECT_EQ(metric->value(), 0.5);
}

TEST(AccuracyTest, TakesPredictionsThatLieColumnByColumn) {
  const auto metric = Made(kAccuracy);
  const Tensor logits = Floats({3, 2}, {9, 0, 1, 8, 2, 1}).WithLayout({2, 3}, {1, 2}, 0);
  EXPECT_THAT(metric->Add({logits, Int64s({0, 1})}, 2), IsOk());  // rows 9 1 2 and 0 8 1
  EXPECT_EQ(metric->value(), 1);
}

TEST(AccuracyTest, SaysWhichRowHasALabelThatIsNoClassAndAddsNothing) {
  const auto metric = Made(kAccuracy);
  for (const int64_t label : {int64_t{3}, int64_t{-1}, std::numeric_limits<int64_t>::min()}) {
    EXPECT_THAT(metric->Add({Floats({2, 3}, {1, 0, 0, 1, 0, 0}), Int64s({0, label})}, 2),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         "training.metric: accuracy: label of row 1 of the batch must be from 0 to "
                         "2, but is " +
                             std::to_string(label)));
  }
  EXPECT_TRUE(std::isnan(metric->value()));
}

TEST(AccuracyTest, LooksAtTheShapesOfEveryBatch) {
  const auto metric = Made(kAccuracy);
  EXPECT_THAT(metric->Add({Floats({2, 3}, {1, 2, 3, 4, 5, 6}), Int64s({0})}, 2),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "training.metric: accuracy needs a prediction [N,classes], or [N] of "
                       "integers, and a label [N] of integers, but they are float[2,3] and "
                       "int64[1]"));
  EXPECT_THAT(metric->Add({Int64s({0})}, 1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "training.metric: accuracy takes 2 values, but gets 1"));
}

TEST(TopKTest, CountsRowsWhereFewerThanKValuesComeBeforeTheLabels) {
  const auto metric = Made(kTop2);
  // The label's value is the second; the third; of three equal ones the second, and the third.
  EXPECT_THAT(
      metric->Add({Floats({4, 3}, {3, 2, 1, 3, 2, 1, 1, 1, 1, 1, 1, 1}), Int64s({1, 2, 1, 2})}, 4),
      IsOk());
  EXPECT_EQ(metric->value(), 0.5);
  const float nan = std::nanf("");
  EXPECT_THAT(metric->Add({Floats({2, 3}, {nan, 1, 2, nan, nan, 2}), Int64s({1, 0})}, 2), IsOk());
  EXPECT_EQ(metric->value(), 0.5);
}

TEST(TopKTest, IsOneWhereKIsNotLessThanTheClasses) {
  const auto metric = Made("name: 'top_k' prediction: 'logits' label: 'classes'");
  EXPECT_THAT(metric->Add({Floats({1, 3}, {3, 2, 1}), Int64s({2})}, 1), IsOk());
  EXPECT_EQ(metric->value(), 1);
}

TEST(ConfusionMatrixTest, HasALineForEachLabel) {
  const auto metric = Made(kConfusion);
  EXPECT_THAT(metric->Add({Floats({3, 3}, {1, 0, 0, 0, 1, 0, 1, 0, 0}), Int64s({0, 0, 0})}, 3),
              IsOk());
  EXPECT_THAT(metric->Add({Floats({2, 3}, {0, 1, 0, 0, 2, 3}), Int64s({1, 1})}, 2), IsOk());
  EXPECT_TRUE(std::isnan(metric->value()));
  EXPECT_EQ(metric->Table({"cat", "d\tog"}),
            "label \\ predicted  cat  d\\x09og  2\n"
            "-----------------  ---  -------  -\n"
            "cat                2    1        0\n"
            "d\\x09og            0    1        1\n"
            "2                  0    0        0\n");
}

TEST(ConfusionMatrixTest, HasAColumnForPredictionsThatAreNotNumbers) {
  const auto metric = Made(kConfusion);
  const float nan = std::nanf("");
  EXPECT_THAT(metric->Add({Floats({2, 3}, {nan, nan, nan, nan, 1, 0}), Int64s({1, 1})}, 2), IsOk());
  EXPECT_EQ(metric->Table({}),
            "label \\ predicted  1  nan\n"
            "-----------------  -  ---\n"
            "1                  1  1\n");
}

TEST(ConfusionMatrixTest, ListsPairsOfManyClasses) {
  const auto metric = Made("name: 'confusion_matrix' prediction: 'small' label: 'classes'");
  for (int c = 0; c < 101; ++c) {
    EXPECT_THAT(metric->Add({Int32s({c, c}), Int64s({c, c})}, 2), IsOk());
  }
  EXPECT_EQ(metric->Table({}).substr(0, 75),
            "label  predicted  samples\n"
            "-----  ---------  -------\n"
            "0      0          2\n"
            "1  ");
}

TEST(MeanAbsoluteErrorTest, IsOverAllElements) {
  const auto metric = Made(kAbsolute);
  EXPECT_THAT(metric->Add({Doubles({2, 2}, {1, 2, 3, 4}), Floats({2, 2}, {1, 0, 4, 8})}, 2),
              IsOk());
  EXPECT_EQ(metric->value(), 7.0 / 4);
  EXPECT_THAT(metric->Add({Doubles({1, 2}, {5, -5}), Floats({1, 2}, {5, 5})}, 1), IsOk());
  EXPECT_DOUBLE_EQ(metric->value(), 17.0 / 6);
  EXPECT_THAT(metric->Add({Doubles({1, 2}, {kNan, 0}), Floats({1, 2}, {0, 0})}, 1), IsOk());
  EXPECT_TRUE(std::isnan(metric->value()));
}

TEST(R2Test, IsTheShareOfTheSpreadThatIsExplained) {
  const auto metric = Made(kR2);
  EXPECT_THAT(metric->Add({Doubles({1, 2}, {2.5, 0}), Floats({1, 2}, {3, -0.5})}, 1), IsOk());
  EXPECT_THAT(metric->Add({Doubles({1, 2}, {2, 8}), Floats({1, 2}, {2, 7})}, 1), IsOk());
  // Mean label 2.875: squares around it 29.1875; squares of errors 1.5.
  EXPECT_NEAR(metric->value(), 1 - 1.5 / 29.1875, 1e-15);
}

TEST(R2Test, KeepsItsDigitsFarFromZero) {
  const auto metric = Made("name: 'r2' prediction: 'y' label: 'y'");
  const auto of_label = [](int i) { return 1e9 + i % 2; };
  for (int i = 0; i < 1000; ++i) {
    EXPECT_THAT(metric->Add({Doubles({1, 2}, {of_label(i) + 0.25, of_label(i) - 0.25}),
                             Doubles({1, 2}, {of_label(i), of_label(i)})},
                            1),
                IsOk());
  }
  EXPECT_NEAR(metric->value(), 1 - 0.0625 / 0.25, 1e-9);
}

TEST(R2Test, IsZeroWhereLabelsAreAllTheSame) {
  const auto metric = Made(kR2);
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(metric->Add({Doubles({1, 2}, {1, 2}), Floats({1, 2}, {0.1f, 0.1f})}, 1), IsOk());
  }
  EXPECT_EQ(metric->value(), 0);
  EXPECT_THAT(metric->Add({Doubles({1, 2}, {kNan, 2}), Floats({1, 2}, {0.1f, 0.1f})}, 1), IsOk());
  EXPECT_TRUE(std::isnan(metric->value()));
}

struct Mistake {
  const char* metric;
  const char* message;
};

TEST(MetricTest, RefusesWhatTheModelDoesNotHave) {
  const Mistake mistakes[] = {
      {"name: 'f1'",
       "training.metric: metric must be loss, accuracy, top_k, confusion_matrix, "
       "mean_absolute_error or r2, but is \"f1\""},
      {"name: 'accuracy' prediction: 'logit'",
       "training.metric.prediction: no value is named \"logit\"; did you mean \"logits\"?\n"
       "training.metric.label is missing: accuracy needs one"},
      {"name: 'accuracy' prediction: 'flat' label: 'classes'",
       "training.metric: accuracy needs a prediction [N,classes], or [N] of integers, and a label "
       "[N] of integers, but they are float[N] and int64[N]"},
      {"name: 'accuracy' prediction: 'logits' label: 'loss'",
       "training.metric: accuracy needs a prediction [N,classes], or [N] of integers, and a label "
       "[N] of integers, but they are float[N,3] and float[]"},
      {"name: 'top_k' prediction: 'small' label: 'classes'",
       "training.metric: top_5 needs a prediction [N,classes] and a label [N] of integers, but "
       "they are int32[N] and int64[N]"},
      {"name: 'top_k' k: -1 prediction: 'logits' label: 'classes'",
       "training.metric.k must be 1 or more, but is -1"},
      {"name: 'accuracy' k: 2 prediction: 'logits' label: 'classes'",
       "training.metric.k is of top_k only, but is given for accuracy"},
      {"name: 'loss' label: 'classes'", "training.metric: loss takes no prediction and no label"},
      {"name: 'r2' prediction: 'flat' label: 'target'",
       "training.metric: r2 needs a prediction and a label of one shape, both of numbers, but they "
       "are float[N] and float[N,2]"},
      {"name: 'mean_absolute_error' prediction: 'mask' label: 'target'",
       "training.metric: mean_absolute_error needs a prediction and a label of one shape, both of "
       "numbers, but they are bool[N,2] and float[N,2]"},
  };
  for (const Mistake& mistake : mistakes) {
    EXPECT_THAT(MakeMetric(mistake.metric),
                StatusIs(absl::StatusCode::kInvalidArgument, mistake.message));
  }
}

}  // namespace
}  // namespace flowgrad
