// The worked examples give the numbers that were computed for them elsewhere, by hand or with other
// programs, and their gradients agree with central differences.

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "graph/autodiff.h"
#include "gtest/gtest.h"
#include "scheduler/gradient_check.h"
#include "scheduler/reference_run.h"
#include "tests/examples/example.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

// A value and what it is expected to be, in row-major order.
struct Known {
  const char* name;
  std::vector<double> numbers;
};

void ExpectValues(const Example& example, const std::vector<Known>& known, int decimals = 8) {
  for (const Known& k : known) ExpectRounded(example.value(k.name), k.numbers, decimals, k.name);
}

void ExpectGradients(const Example& example, const std::vector<Known>& known, int decimals = 8) {
  for (const Known& k : known) {
    ExpectRounded(example.gradient(k.name), k.numbers, decimals,
                  absl::StrCat("gradient of ", k.name));
  }
}

TEST(ScalarChainTest, ForwardValuesAreThoseOfThePocketCalculator) {
  const Example example("scalar_chain/scalar_chain.pbtxt");
  ExpectValues(example, {{"f0", {1.23000000}},
                         {"h1", {0.94248880}},
                         {"f1", {1.62300448}},
                         {"h2", {5.06829505}},
                         {"f2", {7.13659010}},
                         {"h3", {0.65742137}},
                         {"f3", {2.37226411}},
                         {"loss", {0.13858057}}});
}

TEST(ScalarChainTest, DerivativesOfParametersAndIntermediatesAreThoseOfTheChainRule) {
  const Example example("scalar_chain/scalar_chain.pbtxt");
  ExpectGradients(example, {{"beta0", {2.28090062}},
                            {"beta1", {-17.06046653}},
                            {"beta2", {-1.68305775}},
                            {"beta3", {0.74452822}},
                            {"omega0", {5.24607143}},
                            {"omega1", {-16.07929866}},
                            {"omega2", {-8.53023326}},
                            {"omega3", {0.48946876}},
                            {"f3", {0.74452822}},
                            {"h3", {2.23358465}},
                            {"f2", {-1.68305775}},
                            {"h2", {-3.36611550}},
                            {"f1", {-17.06046653}},
                            {"h1", {6.82418661}},
                            {"f0", {2.28090062}}});
}

TEST(TwoSigmoidLayersTest, ForwardAndBackwardValuesAreThoseOfTheLesson) {
  for (const char* file : {"two_sigmoid_layers.pbtxt", "step.pbtxt"}) {
    SCOPED_TRACE(file);
    const Example example(absl::StrCat("two_sigmoid_layers/", file));
    ExpectValues(example, {{"Z1", {0.755, 0.68}}, {"Z2", {0.80144499}}, {"y", {0.69028349}}});
    ExpectValues(example, {{"A1", {0.6802672, 0.6637387}}, {"loss", {0.0181039}}}, 7);
    ExpectGradients(example, {{"W2", {0.02767403, 0.02700164}},
                              {"W1", {0.00092907, 0.00286008, 0.00238904, 0.00735448}},
                              {"Z2", {0.04068113}},
                              {"A1", {0.01220434, 0.03661301}},
                              {"Z1", {0.00265449, 0.00817165}},
                              {"x", {0.00353411, 0.00702658}}});
  }
}

TEST(TwoSigmoidLayersTest, AStepOfSizeOneLowersTheLoss) {
  const Example example("two_sigmoid_layers/step.pbtxt");
  ExpectValues(example, {{"W1_next", {0.09907093, 0.39713992, 0.79761096, 0.59264552}},
                         {"W2_next", {0.27232597, 0.87299836}},
                         {"loss_next", {0.01656538}}});
}

double Logistic(double x) { return 1 / (1 + std::exp(-x)); }

// Rows of a matrix as probabilities.
Matrix SoftmaxOf(Matrix rows) {
  for (std::vector<double>& row : rows) {
    double sum = 0;
    for (const double z : row) sum += std::exp(z);
    for (double& z : row) z = std::exp(z) / sum;
  }
  return rows;
}

Matrix PlusRow(Matrix a, const Matrix& row) {
  for (std::vector<double>& r : a) {
    for (size_t j = 0; j < r.size(); ++j) r[j] += row[0][j];
  }
  return a;
}

Matrix ColumnSums(const Matrix& a) { return Matrix(1, std::vector<double>(a.size(), 1)) * a; }

// 1 at each row's label.
Matrix OneHot(const Tensor& labels, int classes) {
  Matrix rows(labels.num_elements(), std::vector<double>(classes));
  for (int64_t i = 0; i < labels.num_elements(); ++i) rows[i][static_cast<int>(labels.at(i))] = 1;
  return rows;
}

double Minus(double a, double b) { return a - b; }
double Times(double a, double b) { return a * b; }

TEST(SigmoidSoftmaxTest, GradientsAreThoseThatEveryCourseDerives) {
  const Example example("sigmoid_softmax/sigmoid_softmax.pbtxt");
  const auto value = [&](const char* name) { return ToMatrix(example.value(name)); };
  const Matrix x = value("x"), w1 = value("W1"), w2 = value("W2");
  Matrix h = PlusRow(x * w1, value("b1"));
  for (std::vector<double>& row : h) {
    for (double& z : row) z = Logistic(z);
  }
  const Matrix answer = SoftmaxOf(PlusRow(h * w2, value("b2")));
  ExpectSame(example.value("answer"), answer, "answer");
  const Matrix delta1 = Each(answer, OneHot(example.value("labels"), 10), Minus);
  const Matrix slope = Each(h, h, [](double s, double) { return s * (1 - s); });
  const Matrix delta3 = Each(delta1 * Transposed(w2), slope, Times);
  ExpectSame(example.gradient("logits"), delta1, "delta1");
  ExpectSame(example.gradient("z1"), delta3, "delta3");
  ExpectSame(example.gradient("W1"), Transposed(x) * delta3, "dW1");
  ExpectSame(example.gradient("b1"), ColumnSums(delta3), "db1");
  ExpectSame(example.gradient("W2"), Transposed(h) * delta1, "dW2");
  ExpectSame(example.gradient("b2"), ColumnSums(delta1), "db2");
  double loss = 0;
  for (size_t i = 0; i < answer.size(); ++i) {
    loss -=
        std::log(answer[i][static_cast<int>(example.value("labels").at(static_cast<int64_t>(i)))]);
  }
  EXPECT_NEAR(example.value("loss").at(0), loss, 1e-12 * loss);
}

// The loss of the one sample of modulo3/step.pbtxt, with the parameters called name + suffix.
double Modulo3Loss(const Example& example, const char* suffix) {
  const auto value = [&](const char* name) {
    return ToMatrix(example.value(absl::StrCat(name, suffix)));
  };
  Matrix h = PlusRow(ToMatrix(example.value("x")) * value("W1"), value("b1"));
  for (double& z : h[0]) z = std::fmax(z, 0);
  const Matrix answer = SoftmaxOf(PlusRow(h * value("W2"), value("b2")));
  return -std::log(answer[0][static_cast<int>(example.value("label").at(0))]);
}

TEST(Modulo3Test, OneUpdateLowersTheLossOfItsSample) {
  const Example example("modulo3/step.pbtxt");
  EXPECT_NEAR(example.value("loss").at(0), Modulo3Loss(example, ""), 1e-12);
  EXPECT_NEAR(example.value("loss_next").at(0), Modulo3Loss(example, "_next"), 1e-12);
  EXPECT_LT(example.value("loss_next").at(0), example.value("loss").at(0));
  for (const char* name : {"W1", "b1", "W2", "b2"}) {
    const Matrix next = Each(ToMatrix(example.value(name)), ToMatrix(example.gradient(name)),
                             [](double w, double g) { return w - 0.05 * g; });
    ExpectSame(example.value(absl::StrCat(name, "_next")), next, name);
  }
}

TEST(FirstAssignmentTest, AffineLayerFlattensItsInputAndGivesTheGradientItsShape) {
  const Example example("first_assignment/affine.pbtxt");
  ExpectValues(example, {{"y", {4.6, 8.8, -12.4, -0.95}}, {"loss", {-22.05}}});
  EXPECT_EQ(example.gradient("x").dims(), (Dims{2, 2, 3}));
  ExpectGradients(example, {{"x", {-3, -2, -6, 6, -1.5, -5, 6.5, 1, 9, -5, 3.25, 1.5}},
                            {"w", {1, 2, -0.25, 6.5, 1, -10, 0.125, 0.75, 2.5, -9, 1.5, 13}},
                            {"b", {1.5, 1}}});
}

TEST(FirstAssignmentTest, LossesOfThreeSamplesAreTheKnownOnes) {
  const Example svm("first_assignment/svm_loss.pbtxt");
  ExpectValues(svm, {{"losses", {2.9, 0, 12.9}}, {"loss", {5.26666667}}});
  const double third = 1.0 / 3;
  ExpectGradients(svm, {{"scores", {-third, third, 0, 0, 0, 0, third, third, -2 * third}}});
  const Example softmax("first_assignment/softmax_loss.pbtxt");
  ExpectValues(softmax, {{"losses", {2.04035515, 0.07913178, 6.15647720}}});
}

TEST(RnnTest, LossAndGradientsAreTheKnownOnes) {
  const Example example("rnn/rnn.pbtxt");
  ExpectValues(example, {{"loss", {2.0849645337}}}, 10);
  ExpectGradients(example, {{"Wxh", {0.27648223, 0.13077937, 0.11072115, 0.13237069}},
                            {"Whh", {-0.09180654, -0.06717313, -0.05288993, -0.04392625}},
                            {"b", {0.06581946, -0.02816649}},
                            {"V", {-0.55969821, 0.55969821, -0.12696767, 0.12696767}},
                            {"c", {-0.11917472, 0.11917472}}});
}

TEST(RnnTest, GradientsByTheHiddenStatesFollowTheRecursion) {
  const Example example("rnn/rnn.pbtxt");
  const Matrix v = Transposed(ToMatrix(example.value("V")));
  const Matrix whh = Transposed(ToMatrix(example.value("Whh")));
  Matrix delta(1, std::vector<double>(2));
  for (int t = 3; t >= 1; --t) {
    const auto at = [&](const char* name, int step) {
      return example.value(absl::StrCat(name, step));
    };
    const Matrix error = Each(SoftmaxOf(ToMatrix(at("z", t))), OneHot(at("label", t), 2), Minus);
    Matrix from_next(1, std::vector<double>(2));
    if (t < 3) {
      from_next = Each(delta, ToMatrix(at("h", t + 1)),
                       [](double d, double h) { return d * (1 - h * h); }) *
                  whh;
    }
    delta = Each(error * v, from_next, [](double a, double b) { return a + b; });
    ExpectSame(example.gradient(absl::StrCat("h", t)), delta, absl::StrCat("delta", t));
  }
}

TEST(RnnStepTest, TurnsAnUpstreamGradientIntoThoseOfWhatItReads) {
  const Example example("rnn/rnn_step.pbtxt");
  const auto value = [&](const char* name) { return ToMatrix(example.value(name)); };
  const Matrix dh = value("dh");
  const Matrix d_o = Each(dh, value("h"), [](double d, double h) { return d * (1 - h * h); });
  const std::vector<std::pair<std::string, Matrix>> expected = {
      {"Wh", Transposed(value("h_prev")) * d_o},
      {"Wx", Transposed(value("x")) * d_o},
      {"b", d_o},
      {"h_prev", d_o * Transposed(value("Wh"))},
      {"x", d_o * Transposed(value("Wx"))}};
  for (const auto& [name, gradient] : expected) {
    ExpectSame(example.gradient(name), gradient, name);
  }
  // The same with the gradient fed as such, in place of the loss of the file.
  const absl::StatusOr<Graph> graph =
      Differentiate(example.graph(), "h", GradientTargets::kAll, "upstream");
  ASSERT_THAT(graph, IsOk());
  TensorMap states = example.states();
  for (const auto& [name, gradient] : expected) {
    const absl::StatusOr<std::vector<Tensor>> result = ReferenceRun(
        *graph, {{"upstream", example.value("dh")}}, states, {"gradients/" + name}, {});
    ASSERT_THAT(result, IsOk());
    ExpectSame((*result)[0].Contiguous(), gradient, name);
  }
}

TEST(LstmTest, LossAndGradientsAreTheKnownOnes) {
  const Example example("lstm/lstm.pbtxt");
  ExpectValues(example, {{"loss", {4.3934369274}}}, 10);
  ExpectGradients(example, {{"Wf", {-0.00481762, 0.00279193, -0.00518801, 0.00351664}},
                            {"Ua", {-0.04588146, 0.05682979, -0.01802828, 0.04026579}},
                            {"bo", {0.02345654, 0.00674166}},
                            {"V", {-0.09233480, -0.07151035, -0.11398432, -0.06002374}},
                            {"c", {-0.11115309, 0.89661036}}});
}

TEST(SigmoidLayersTest, LossAndGradientsAreTheKnownOnes) {
  const Example example("sigmoid_layers/sigmoid_layers.pbtxt");
  ExpectValues(example, {{"loss", {0.2307166496}}}, 10);
  ExpectGradients(example, {{"b1", {-0.00060849, -0.00045711, 0.00125221, -0.00123317}},
                            {"b2", {-0.01403514, 0.00879256, 0.00699046, -0.01428073}},
                            {"b3", {0.13968914, -0.08613853}}});
}

TEST(SigmoidLayersTest, GradientsByTheSumsFollowTheRecursion) {
  const Example example("sigmoid_layers/sigmoid_layers.pbtxt");
  const auto value = [&](const char* name, int layer) {
    return ToMatrix(example.value(absl::StrCat(name, layer)));
  };
  const auto slope = [](double d, double a) { return d * a * (1 - a); };
  Matrix delta =
      Each(Each(value("a", 3), ToMatrix(example.value("y")), Minus), value("a", 3), slope);
  for (int layer = 3; layer >= 1; --layer) {
    if (layer < 3)
      delta = Each(delta * Transposed(value("W", layer + 1)), value("a", layer), slope);
    ExpectSame(example.gradient(absl::StrCat("z", layer)), delta, absl::StrCat("delta", layer));
  }
}

class WorkedExamples : public testing::TestWithParam<const char*> {};

TEST_P(WorkedExamples, HaveGradientsThatAgreeWithCentralDifferences) {
  const Example example(GetParam());
  const absl::StatusOr<GradientCheck> check =
      GradientCheck::Make(example.graph(), {"loss"}, {}, example.states(), {});
  ASSERT_THAT(check, IsOk());
  for (const TensorGradients& t : check->result().tensors) {
    EXPECT_TRUE(t.ok()) << "gradient of " << t.name << " is " << t.analytic << ", but must be "
                        << t.numeric;
  }
  EXPECT_TRUE(check->result().ok());
}

INSTANTIATE_TEST_SUITE_P(
    All, WorkedExamples,
    testing::Values("first_assignment/affine.pbtxt", "first_assignment/softmax_loss.pbtxt",
                    "first_assignment/svm_loss.pbtxt", "lstm/lstm.pbtxt", "modulo3/step.pbtxt",
                    "rnn/rnn.pbtxt", "rnn/rnn_step.pbtxt", "scalar_chain/scalar_chain.pbtxt",
                    "sigmoid_layers/sigmoid_layers.pbtxt", "sigmoid_softmax/sigmoid_softmax.pbtxt",
                    "two_sigmoid_layers/step.pbtxt", "two_sigmoid_layers/two_sigmoid_layers.pbtxt"),
    [](const testing::TestParamInfo<const char*>& info) {
      return absl::StrReplaceAll(info.param, {{"/", "_"}, {".pbtxt", ""}});
    });

}  // namespace
}  // namespace flowgrad
