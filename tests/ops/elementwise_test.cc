// Elementwise ops: values worked out by hand, and what happens at NaN, infinities, -0 and the ends
// of the integers.

#include <cmath>
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
using ::testing::IsNan;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr int32_t kLowest = std::numeric_limits<int32_t>::min();
constexpr int32_t kHighest = std::numeric_limits<int32_t>::max();

template <class T>
Tensor Vector(const std::vector<T>& values) {
  Tensor tensor(kDType<T>, {static_cast<int64_t>(values.size())});
  for (size_t i = 0; i < values.size(); ++i) tensor.data<T>()[i] = values[i];
  return tensor;
}
Tensor Floats(const std::vector<float>& values) { return Vector(values); }
Tensor Int32s(const std::vector<int32_t>& values) { return Vector(values); }
Tensor Bools(const std::vector<bool>& values) { return Vector(values); }

absl::StatusOr<Tensor> Output(const std::string& op, const std::vector<Tensor>& inputs,
                              const Attributes& attributes = {}) {
  absl::StatusOr<std::vector<Tensor>> outputs = RunOp(*BuiltinOps().Find(op), attributes, inputs);
  if (!outputs.ok()) return outputs.status();
  return (*outputs)[0];
}

// The elements of the only output.
std::vector<double> Values(const std::string& op, const std::vector<Tensor>& inputs,
                           const Attributes& attributes = {}) {
  const absl::StatusOr<Tensor> output = Output(op, inputs, attributes);
  EXPECT_TRUE(output.ok()) << output.status();
  std::vector<double> values;
  for (int64_t i = 0; output.ok() && i < output->num_elements(); ++i)
    values.push_back(output->at(i));
  return values;
}

// Zeros as text, since 0 == -0.
std::vector<std::string> Signs(const std::vector<double>& values) {
  std::vector<std::string> signs;
  for (const double value : values) signs.push_back(std::signbit(value) ? "-" : "+");
  return signs;
}

TEST(ElementwiseTest, RegistersEveryOpWithoutADefect) {
  EXPECT_TRUE(BuiltinOps().status().ok()) << BuiltinOps().status();
}

TEST(ElementwiseTest, DoesArithmeticOnFloats) {
  const Tensor a = Floats({1, -6, 0, kInf}), b = Floats({4, 2, 0, kInf});
  EXPECT_THAT(Values("Sub", {a, b}), ElementsAre(-3, -8, 0, IsNan()));
  EXPECT_THAT(Values("Div", {a, b}), ElementsAre(0.25, -3, IsNan(), IsNan()));
  EXPECT_THAT(Values("Reciprocal", {Floats({4, 0, -0.0f, kInf})}),
              ElementsAre(0.25, kInf, -kInf, 0));
  EXPECT_THAT(Values("Sqrt", {Floats({6.25f, 0, -1, kInf})}), ElementsAre(2.5, 0, IsNan(), kInf));
}

TEST(ElementwiseTest, BroadcastsBothWays) {
  const Tensor column = Tensor::Of<float>({2, 1}, {10.0f, 20.0f});
  EXPECT_THAT(Values("Sub", {column, Floats({1, 2, 3})}), ElementsAre(9, 8, 7, 19, 18, 17));
  EXPECT_THAT(Values("Max", {column, Floats({1, 15, 30})}), ElementsAre(10, 15, 30, 20, 20, 30));
  EXPECT_THAT(Values("Sum", {Tensor::Scalar(1.0f), column, Floats({1, 2})}),
              ElementsAre(12, 13, 22, 23));
}

// Views of part of wider tensors, as cuts along columns make them; beside what is written nothing
// is.
TEST(ElementwiseTest, WalksOverRowsThatLieApart) {
  const BlockFunction add_twice = {
      [](const void* const* inputs, void* const* outputs, int64_t n, const void*) {
        const auto in = [&](int i) { return static_cast<const float*>(inputs[i]); };
        for (int64_t i = 0; i < n; ++i) {
          static_cast<float*>(outputs[0])[i] = in(0)[i] + 10 * in(1)[i] + 1000 * in(2)[i];
        }
      }};
  constexpr int64_t kRows = 5, kWidth = 1200;
  for (const int64_t row : {1, 31, 32, 33, 64, 1024, 1100}) {
    std::vector<float> x(kRows * kWidth), bias(row), y(kRows * (row + 3), -1);
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 97);
    for (size_t i = 0; i < bias.size(); ++i) bias[i] = static_cast<float>(i % 89);
    float scale = 2;
    const int64_t dims[2] = {kRows, row}, x_strides[2] = {kWidth, 1}, y_strides[2] = {row + 3, 1};
    const int64_t bias_strides[1] = {1};
    const View inputs[] = {
        {x.data(), DType::kFloat, 2, dims, x_strides},
        {bias.data(), DType::kFloat, 1, dims + 1, bias_strides},
        {&scale, DType::kFloat, 0, kNoDims, kNoDims},
    };
    const View outputs[] = {{y.data(), DType::kFloat, 2, dims, y_strides}};
    KernelContext context;
    context.inputs = inputs;
    context.outputs = outputs;
    RunElementwise(context, add_twice);
    for (int64_t r = 0; r < kRows; ++r) {
      for (int64_t c = 0; c < row + 3; ++c) {
        const float expected = c < row ? x[r * kWidth + c] + 10 * bias[c] + 2000 : -1;
        ASSERT_EQ(y[r * (row + 3) + c], expected) << row << ": " << r << ", " << c;
      }
    }
  }
}

TEST(ElementwiseTest, TakesEmptyTensors) {
  const Tensor empty(DType::kFloat, {0, 3}), one = Tensor::Scalar(1.0f);
  for (const char* op : {"Sub", "Div", "Pow", "Max", "Min", "Sum", "Less"}) {
    EXPECT_THAT(Values(op, {empty, one}), IsEmpty()) << op;
  }
  EXPECT_THAT(Values("Relu", {empty}), IsEmpty());
  EXPECT_THAT(Values("Cast", {empty}, {{"to", "int64"}}), IsEmpty());
}

TEST(ElementwiseTest, WrapsIntegersAndNeverTraps) {
  EXPECT_THAT(Values("Div", {Int32s({7, -7, 7, 0, kLowest}), Int32s({2, 2, 0, 0, -1})}),
              ElementsAre(3, -3, 0, 0, kLowest));
  EXPECT_THAT(Values("Sub", {Int32s({kLowest}), Int32s({1})}), ElementsAre(kHighest));
  EXPECT_THAT(Values("Neg", {Int32s({5, kLowest})}), ElementsAre(-5, kLowest));
  EXPECT_THAT(Values("Abs", {Int32s({-5, 5, kLowest})}), ElementsAre(5, 5, kLowest));
  EXPECT_THAT(Values("Sum", {Int32s({kHighest}), Int32s({1}), Int32s({1})}),
              ElementsAre(kLowest + 1.0));
}

TEST(ElementwiseTest, RaisesIntegersToIntegers) {
  EXPECT_THAT(Values("Pow", {Int32s({2, -3, 0, 7, 2}), Int32s({10, 3, 0, 0, 32})}),
              ElementsAre(1024, -27, 1, 1, 0));
  EXPECT_THAT(Values("Pow", {Int32s({1, -1, -1, 2, 0}), Int32s({-5, -5, -4, -1, -1})}),
              ElementsAre(1, -1, 1, 0, 0));
  EXPECT_THAT(Values("Pow", {Int32s({-1, -1}), Int32s({kLowest, kHighest})}), ElementsAre(1, -1));
}

TEST(ElementwiseTest, RaisesFloatsAsCDoes) {
  EXPECT_THAT(
      Values("Pow", {Floats({2, -2, -2, 0, kNan, 1, 9}), Floats({-1, 3, 0.5f, 0, 0, kNan, 0.5f})}),
      ElementsAre(0.5, -8, IsNan(), 1, 1, 1, 3));
}

TEST(ElementwiseTest, HandlesTheSignOfZeroAndNaN) {
  const Tensor x = Floats({-2, -0.0f, 0, 3, kNan, -kInf});
  EXPECT_THAT(Values("Relu", {x}), ElementsAre(0, 0, 0, 3, IsNan(), 0));
  EXPECT_THAT(Values("Abs", {x}), ElementsAre(2, 0, 0, 3, IsNan(), kInf));
  EXPECT_THAT(Values("Sign", {x}), ElementsAre(-1, 0, 0, 1, IsNan(), -1));
  const Tensor zeros = Floats({-0.0f, 0});
  EXPECT_THAT(Signs(Values("Relu", {zeros})), ElementsAre("-", "+"));
  EXPECT_THAT(Signs(Values("Neg", {zeros})), ElementsAre("+", "-"));
  EXPECT_THAT(Signs(Values("Abs", {zeros})), ElementsAre("+", "+"));
  EXPECT_THAT(Signs(Values("Sign", {zeros})), ElementsAre("+", "+"));
  EXPECT_THAT(Signs(Values("Sqrt", {zeros})), ElementsAre("-", "+"));
}

TEST(ElementwiseTest, CalculatesElementaryFunctions) {
  const double e = std::exp(1.0);
  const Tensor x = Vector<double>({0, 1});
  EXPECT_THAT(Values("Exp", {x}), ElementsAre(1, e));
  EXPECT_THAT(Values("Log", {Vector<double>({1, 0, -1})}), ElementsAre(0, -kInf, IsNan()));
  EXPECT_THAT(Values("Sin", {x}), ElementsAre(0, std::sin(1.0)));
  EXPECT_THAT(Values("Cos", {x}), ElementsAre(1, std::cos(1.0)));
  EXPECT_THAT(Values("Sigmoid", {Floats({0, 1000, -1000})}), ElementsAre(0.5, 1, 0));
}

TEST(ElementwiseTest, ComparesAndCombinesTruthValues) {
  const Tensor a = Floats({1, 2, 3, kNan, -0.0f}), b = Floats({2, 2, 2, kNan, 0});
  EXPECT_THAT(Values("Equal", {a, b}), ElementsAre(0, 1, 0, 0, 1));
  EXPECT_THAT(Values("Greater", {a, b}), ElementsAre(0, 0, 1, 0, 0));
  EXPECT_THAT(Values("GreaterOrEqual", {a, b}), ElementsAre(0, 1, 1, 0, 1));
  EXPECT_THAT(Values("Less", {a, b}), ElementsAre(1, 0, 0, 0, 0));
  EXPECT_THAT(Values("LessOrEqual", {a, b}), ElementsAre(1, 1, 0, 0, 1));
  const Tensor p = Bools({false, false, true, true}), q = Bools({false, true, false, true});
  EXPECT_THAT(Values("And", {p, q}), ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(Values("Or", {p, q}), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(Values("Not", {p}), ElementsAre(1, 1, 0, 0));
  EXPECT_THAT(Values("Equal", {p, q}), ElementsAre(1, 0, 0, 1));
  EXPECT_EQ(Output("Less", {a, b})->dtype(), DType::kBool);
}

TEST(ElementwiseTest, PassesNaNThroughWhereOnlyIfChosen) {
  EXPECT_THAT(Values("Where", {Bools({true, false}), Floats({1, kNan}), Floats({kNan, 2})}),
              ElementsAre(1, 2));
  EXPECT_THAT(Values("Where", {Bools({true, false}), Int32s({7}), Int32s({9})}), ElementsAre(7, 9));
}

TEST(ElementwiseTest, TakesTheFirstOfEqualExtremesAndNaNBeforeAll) {
  EXPECT_THAT(Values("Max", {Floats({1, kNan, 5}), Floats({3, 2, kNan}), Floats({2, 9, 9})}),
              ElementsAre(3, IsNan(), IsNan()));
  EXPECT_THAT(Values("Min", {Floats({1, kNan, 5}), Floats({3, 2, kNan}), Floats({2, 9, 9})}),
              ElementsAre(1, IsNan(), IsNan()));
  const Tensor zeros = Floats({0, -0.0f}), opposite = Floats({-0.0f, 0});
  EXPECT_THAT(Signs(Values("Max", {zeros, opposite})), ElementsAre("+", "-"));
  EXPECT_THAT(Signs(Values("Min", {zeros, opposite})), ElementsAre("+", "-"));
}

TEST(ElementwiseTest, AddsInTheOrderOfTheInputs) {
  // (1 + 2^25) - 2^25: the 1 is lost first.
  EXPECT_THAT(Values("Sum", {Floats({1}), Floats({0x1p25f}), Floats({-0x1p25f})}), ElementsAre(0));
  EXPECT_THAT(Values("Sum", {Floats({0x1p25f}), Floats({-0x1p25f}), Floats({1})}), ElementsAre(1));
}

TEST(ElementwiseTest, AddsAThousandInputsOfManyLayouts) {
  constexpr int64_t kRows = 70, kColumns = 130;  // more than one block
  Tensor whole(DType::kDouble, {kRows, kColumns}), row(DType::kDouble, {kColumns});
  for (int64_t i = 0; i < kRows * kColumns; ++i) whole.set(i, static_cast<double>(i));
  for (int64_t i = 0; i < kColumns; ++i) row.set(i, static_cast<double>(i));
  const Tensor mirrored =
      whole.WithLayout({kRows, kColumns}, {-kColumns, -1}, kRows * kColumns - 1);
  std::vector<Tensor> inputs;
  for (int i = 0; i < 500; ++i) {
    inputs.push_back(i % 2 == 0 ? whole : mirrored);
    inputs.push_back(row);
  }
  const std::vector<double> sum = Values("Sum", inputs);
  ASSERT_EQ(sum.size(), kRows * kColumns);
  for (int64_t i = 0; i < kRows * kColumns; ++i) {
    ASSERT_EQ(sum[i], 250.0 * (kRows * kColumns - 1) + 500.0 * (i % kColumns)) << i;
  }
}

TEST(ElementwiseTest, CastsWithoutUndefinedValues) {
  const Tensor x = Floats({1.9f, -1.9f, kNan, 1e30f, -kInf, -0.0f});
  EXPECT_THAT(Values("Cast", {x}, {{"to", "int32"}}), ElementsAre(1, -1, 0, kHighest, kLowest, 0));
  EXPECT_THAT(Values("Cast", {x}, {{"to", "bool"}}), ElementsAre(1, 1, 1, 1, 1, 0));
  EXPECT_THAT(Values("Cast", {Vector<int64_t>({5, int64_t{1} << 32})}, {{"to", "int32"}}),
              ElementsAre(5, 0));
  EXPECT_THAT(Values("Cast", {Vector<double>({0.1, 1e300})}, {{"to", "float"}}),
              ElementsAre(0.1f, kInf));
  EXPECT_THAT(Values("Cast", {Bools({true, false})}, {{"to", "float"}}), ElementsAre(1, 0));
}

TEST(ElementwiseTest, RefusesACastToAnUnknownDtype) {
  const absl::StatusOr<Tensor> y = Output("Cast", {Floats({1})}, {{"to", "float16"}});
  EXPECT_EQ(y.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(y.status().message()),
              HasSubstr("attribute \"to\": dtype must be one of float, double, int32, int64, bool, "
                        "but is \"float16\""));
}

}  // namespace
}  // namespace flowgrad
