// Random ops, for every row of the table: numbers are keyed by seed, step, node and the sample's
// place in the whole batch, so that micro-batches draw what the batch draws.

#include "gtest/gtest.h"
#include "ops/run_op.h"
#include "tests/conformance/row_graph.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tensors.h"

namespace flowgrad {
namespace {

std::string RowName(const testing::TestParamInfo<Row>& info) { return info.param.Name(); }

class RandomOpTest : public testing::TestWithParam<Row> {
 protected:
  static absl::StatusOr<std::vector<Tensor>> Run(const std::vector<Tensor>& inputs,
                                                 const StepValues& values, uint64_t stream) {
    return RunOp(*GetParam().def, GetParam().attributes, inputs, GetParam().num_outputs, values,
                 stream);
  }
};

TEST_P(RandomOpTest, MicroBatchesDrawTheNumbersOfTheBatch) {
  std::vector<Tensor> inputs = DrawInputs(GetParam(), DType::kFloat);
  while (!inputs.back().present()) inputs.pop_back();
  const Tensor data = inputs[0];
  if (data.rank() == 0) GTEST_SKIP() << "no batch";
  const auto whole = Run(inputs, kStepValues, kStream);
  ASSERT_THAT(whole, IsOk());
  for (int64_t first = 0; first < data.dims()[0]; ++first) {
    Dims dims = data.dims();
    dims[0] -= first;
    inputs[0] = data.WithLayout(dims, data.strides(), first * data.strides()[0]).Contiguous();
    StepValues values = kStepValues;
    values.first_sample += first;
    const auto part = Run(inputs, values, kStream);
    ASSERT_THAT(part, IsOk());
    for (int k = 0; k < GetParam().num_outputs; ++k) {
      const Tensor& output = (*whole)[k];
      const Tensor expected =
          output.WithLayout(dims, output.strides(), first * output.strides()[0]);
      ASSERT_EQ(BitDifference((*part)[k], expected), "") << "from sample " << first;
    }
  }
}

TEST_P(RandomOpTest, OtherSeedsStepsAndNodesDrawOtherNumbers) {
  std::vector<Tensor> inputs = DrawInputs(GetParam(), DType::kFloat);
  while (!inputs.back().present()) inputs.pop_back();
  if (inputs[0].num_elements() < 32) GTEST_SKIP() << "may draw the same by chance";
  const auto first = Run(inputs, kStepValues, kStream);
  ASSERT_THAT(first, IsOk());
  const auto differs = [&](const StepValues& values, uint64_t stream) {
    const auto other = Run(inputs, values, stream);
    EXPECT_THAT(other, IsOk());
    return other.ok() && BitDifference((*other)[0], (*first)[0]) != "";
  };
  StepValues values = kStepValues;
  values.seed += 1;
  const bool draws = differs(values, kStream);  // not outside training
  values = kStepValues;
  values.step += 1;
  EXPECT_EQ(differs(values, kStream), draws);
  EXPECT_EQ(differs(kStepValues, kStream + 1), draws);
  EXPECT_FALSE(differs(kStepValues, kStream));
}

std::vector<Row> RandomOpRows() {
  std::vector<Row> rows;
  for (const Row& row : Rows()) {
    if (row.def->random()) rows.push_back(row);
  }
  return rows;
}

INSTANTIATE_TEST_SUITE_P(AllOps, RandomOpTest, testing::ValuesIn(RandomOpRows()), RowName);

}  // namespace
}  // namespace flowgrad
