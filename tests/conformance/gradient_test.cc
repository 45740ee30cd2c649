// Gradients of every row of the table: against central differences in double, through fan-out, with
// one value as two inputs, and of gradients again.

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/conformance/row_graph.h"
#include "tests/testing/gradient_checker.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

using ::testing::HasSubstr;

// Why the gradient of a row is refused; "" if it has one.
std::string NoGradientReason(const Row& row) {
  return row.no_gradient.empty() ? row.def->no_gradient_reason() : row.no_gradient;
}

bool HasDouble(const std::vector<Tensor>& tensors) {
  for (const Tensor& tensor : tensors) {
    if (tensor.present() && tensor.dtype() == DType::kDouble) return true;
  }
  return false;
}

// Rows that have double inputs to differentiate by and double outputs to differentiate.
std::vector<Row> RowsOfFloats() {
  std::vector<Row> rows;
  for (const Row& row : Rows()) {
    const std::vector<DType> dtypes = row.DTypes();
    if (!row.differentiated ||
        std::find(dtypes.begin(), dtypes.end(), DType::kDouble) == dtypes.end())
      continue;
    const std::vector<Tensor> inputs = DrawInputs(row, DType::kDouble);
    const absl::StatusOr<std::vector<Tensor>> outputs = RunRow(row, inputs);
    // A row that fails shows in other tests.
    if (HasDouble(inputs) && (!outputs.ok() || HasDouble(*outputs))) rows.push_back(row);
  }
  return rows;
}

std::vector<Row> RowsWithGradient() {
  std::vector<Row> rows;
  for (const Row& row : RowsOfFloats()) {
    if (NoGradientReason(row).empty()) rows.push_back(row);
  }
  return rows;
}

std::vector<Row> RowsWithoutGradient() {
  std::vector<Row> rows;
  for (const Row& row : RowsOfFloats()) {
    if (!NoGradientReason(row).empty()) rows.push_back(row);
  }
  return rows;
}

// Fixed weights for the outputs of a level of the graph; absent where there is nothing to weigh.
std::vector<Tensor> Weights(const std::vector<Tensor>& values, uint64_t seed) {
  Random random(seed);
  std::vector<Tensor> weights;
  for (size_t i = 0; i < values.size(); ++i) {
    const bool weighed = values[i].present() && IsFloating(values[i].dtype());
    weights.push_back(
        weighed ? RandomTensor(values[i].dtype(), values[i].dims(), 0.25, 1.75, random) : Tensor());
    // Signs differ, and no weight is small.
    for (int64_t e = 0; weighed && e < weights[i].num_elements(); ++e) {
      if (random.Chance(0.5)) weights[i].set(e, -weights[i].at(e));
    }
  }
  return weights;
}

// The values of level `level` weighed: only those that have a weight.
TensorFunction WeighedLevel(const RowGraph& graph, int level, const std::vector<Tensor>& weights) {
  return [&graph, level,
          &weights](const std::vector<Tensor>& inputs) -> absl::StatusOr<std::vector<Tensor>> {
    absl::StatusOr<std::vector<Tensor>> values = graph.Run(level, inputs);
    if (!values.ok()) return values;
    std::vector<Tensor> weighed;
    for (size_t i = 0; i < weights.size(); ++i) {
      if (weights[i].present()) weighed.push_back((*values)[i]);
    }
    return weighed;
  };
}

std::vector<Tensor> Present(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> present;
  for (const Tensor& tensor : tensors) {
    if (tensor.present()) present.push_back(tensor);
  }
  return present;
}

// Without those that the graph holds as constants: they are not differentiated by.
std::vector<Tensor> FreeInputs(const RowGraph& graph, std::vector<Tensor> inputs) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (graph.inputs()[i].empty()) inputs[i] = Tensor();
  }
  return inputs;
}

void Append(std::vector<Tensor>& list, const std::vector<Tensor>& more) {
  list.insert(list.end(), more.begin(), more.end());
}

class GradientTest : public testing::TestWithParam<Row> {
 protected:
  // Differentiates `order` times and checks the last gradient against differences of the one
  // before.
  std::string Check(int order, GradientMutation* mutation = nullptr) {
    const Row& row = GetParam();
    std::vector<Tensor> inputs = DrawInputs(row, DType::kDouble);
    RowGraph graph(row, inputs, {.mutation = mutation});
    for (int i = 0; i < order; ++i) graph.Differentiate();
    if (const absl::Status status = graph.Build(); !status.ok()) return status.ToString();
    std::vector<Tensor> weights;
    for (int level = 0; level < order; ++level) {
      const absl::StatusOr<std::vector<Tensor>> values = graph.Run(level, inputs);
      if (!values.ok()) return values.status().ToString();
      weights = Weights(*values, 10 + level);
      if (level + 1 < order) Append(inputs, weights);
    }
    std::vector<Tensor> with_weights = inputs;
    Append(with_weights, weights);
    const absl::StatusOr<std::vector<Tensor>> gradients = graph.Run(order, with_weights);
    if (!gradients.ok()) return gradients.status().ToString();
    GradientCheckOptions options;
    options.most_elements = order == 1 ? 100 : 40;
    return CheckGradient(WeighedLevel(graph, order - 1, weights), FreeInputs(graph, inputs),
                         Present(weights), *gradients, options);
  }

  // Whether some gradient is clearly not zero.
  bool HasSlope() {
    std::vector<Tensor> inputs = DrawInputs(GetParam(), DType::kDouble);
    RowGraph graph(GetParam(), inputs);
    graph.Differentiate();
    if (!graph.Build().ok()) return false;
    Append(inputs, Weights(*graph.Run(0, inputs), 10));
    const std::vector<Tensor> gradients = *graph.Run(1, inputs);
    for (const Tensor& gradient : gradients) {
      for (int64_t e = 0; gradient.present() && e < gradient.num_elements(); ++e) {
        if (std::fabs(gradient.at(e)) > 0.01) return true;
      }
    }
    return false;
  }
};

TEST_P(GradientTest, MatchesFiniteDifferences) { EXPECT_EQ(Check(1), ""); }

TEST_P(GradientTest, OfTheGradientMatchesFiniteDifferences) {
  const std::string& refusal = GetParam().no_second_gradient;
  if (refusal.empty()) {
    EXPECT_EQ(Check(2), "");
  } else {
    EXPECT_THAT(Check(2), HasSubstr(refusal));
  }
}

// The test of the test: mistakes in the rule are noticed.
TEST_P(GradientTest, NoticesMistakesInTheRule) {
  using Kind = GradientMutation::Kind;
  for (const Kind kind : {Kind::kSign, Kind::kFactor, Kind::kSmallFactor}) {
    GradientMutation mutation = {.kind = kind, .op = GetParam().op};
    const std::string result = Check(1, &mutation);
    // A gradient that is zero everywhere stays so.
    if (mutation.applied == 0 || !HasSlope()) continue;
    EXPECT_NE(result, "") << GradientMutation::KindName(kind);
  }
}

TEST_P(GradientTest, IsTheSumOverReaders) {
  const Row& row = GetParam();
  const std::vector<Tensor> inputs = DrawInputs(row, DType::kDouble);
  for (const int calls : {2, 5}) {
    std::vector<Tensor> fanned = inputs, single = inputs;
    RowGraph many(row, inputs, {.calls = calls}), one(row, inputs);
    many.Differentiate();
    one.Differentiate();
    ASSERT_THAT(many.Build(), IsOk());
    ASSERT_THAT(one.Build(), IsOk());
    const auto values = many.Run(0, inputs);
    ASSERT_THAT(values, IsOk());
    const std::vector<Tensor> weights = Weights(*values, 20);
    Append(fanned, weights);
    // It is linear in the upstream gradient: what flows into each call of the op is as if their sum
    // flowed into one.
    for (int k = 0; k < row.num_outputs; ++k) {
      Tensor sum = weights[k].present() ? weights[k].Cast(DType::kDouble) : Tensor();
      for (int call = 1; sum.present() && call < calls; ++call) {
        const Tensor& more = weights[call * row.num_outputs + k];
        for (int64_t e = 0; e < sum.num_elements(); ++e) sum.set(e, sum.at(e) + more.at(e));
      }
      single.push_back(sum);
    }
    const auto actual = many.Run(1, fanned), expected = one.Run(1, single);
    ASSERT_THAT(actual, IsOk());
    ASSERT_THAT(expected, IsOk());
    for (size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_EQ(Difference((*actual)[i], (*expected)[i], 1e-10, 0.01), "")
          << calls << " readers, input " << i;
    }
  }
}

TEST_P(GradientTest, OfOneValueAsTwoInputsIsTheSumOfBoth) {
  const Row& row = GetParam();
  std::vector<Tensor> inputs = DrawInputs(row, DType::kDouble);
  std::vector<size_t> same;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool fits = inputs[i].present() && inputs[0].present() && !row.inputs[i].is_constant() &&
                      IsFloating(inputs[0].dtype()) && inputs[i].type() == inputs[0].type();
    if (!fits) continue;
    inputs[i] = inputs[0];
    same.push_back(i);
  }
  if (same.size() < 2) return;
  RowGraph apart(row, inputs), together(row, inputs, {.same_input = true});
  apart.Differentiate();
  together.Differentiate();
  ASSERT_THAT(apart.Build(), IsOk());
  ASSERT_THAT(together.Build(), IsOk());
  const auto values = apart.Run(0, inputs);
  ASSERT_THAT(values, IsOk());
  Append(inputs, Weights(*values, 30));
  const auto terms = apart.Run(1, inputs), actual = together.Run(1, inputs);
  ASSERT_THAT(terms, IsOk());
  ASSERT_THAT(actual, IsOk());
  Tensor sum = Tensor::Filled(DType::kDouble, inputs[0].dims(), 0);
  for (const size_t i : same) {
    for (int64_t e = 0; (*terms)[i].present() && e < sum.num_elements(); ++e)
      sum.set(e, sum.at(e) + (*terms)[i].at(e));
  }
  const Tensor gradient =
      (*actual)[0].present() ? (*actual)[0] : Tensor::Filled(DType::kDouble, sum.dims(), 0);
  EXPECT_EQ(Difference(gradient, sum, 1e-10, 0.01), "");
}

TEST_P(GradientTest, OfFloatIsThatOfDouble) {
  const Row& row = GetParam();
  std::vector<std::vector<Tensor>> results;
  for (const DType dtype : {DType::kDouble, DType::kFloat}) {
    std::vector<Tensor> inputs = DrawInputs(row, dtype);
    RowGraph graph(row, inputs);
    graph.Differentiate();
    ASSERT_THAT(graph.Build(), IsOk());
    const auto values = graph.Run(0, inputs);
    ASSERT_THAT(values, IsOk());
    Append(inputs, Weights(*values, 40));
    const auto gradients = graph.Run(1, inputs);
    ASSERT_THAT(gradients, IsOk());
    results.push_back(*gradients);
  }
  for (size_t i = 0; i < results[0].size(); ++i) {
    EXPECT_EQ(Difference(results[1][i], results[0][i], 1e-5 * row.float_factor * Growth(row), 0.01),
              "")
        << "input " << i;
  }
}

std::string RowName(const testing::TestParamInfo<Row>& info) { return info.param.Name(); }

INSTANTIATE_TEST_SUITE_P(AllOps, GradientTest, testing::ValuesIn(RowsWithGradient()), RowName);

class NoGradientTest : public testing::TestWithParam<Row> {};

TEST_P(NoGradientTest, IsRefusedWithTheReason) {
  const Row& row = GetParam();
  RowGraph graph(row, DrawInputs(row, DType::kDouble));
  graph.Differentiate();
  EXPECT_THAT(graph.Build(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(NoGradientReason(row))));
}

INSTANTIATE_TEST_SUITE_P(AllOps, NoGradientTest, testing::ValuesIn(RowsWithoutGradient()), RowName);

}  // namespace
}  // namespace flowgrad
