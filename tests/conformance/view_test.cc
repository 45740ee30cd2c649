// View ops, for every row of the table: what they show does not depend on how the input lies.

#include <numeric>

#include "gtest/gtest.h"
#include "ops/run_op.h"
#include "tests/conformance/row.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tensors.h"

namespace flowgrad {
namespace {

constexpr int kRepetitions = 20;

std::string RowName(const testing::TestParamInfo<Row>& info) { return info.param.Name(); }

class ViewTest : public testing::TestWithParam<Row> {};

TEST_P(ViewTest, ShowsTheSameElementsOfAnyLayout) {
  const Row& row = GetParam();
  for (const DType dtype : row.DTypes()) {
    std::vector<Tensor> inputs = DrawInputs(row, dtype);
    while (!inputs.back().present()) inputs.pop_back();
    const auto expected = RunOp(*row.def, row.attributes, inputs, row.num_outputs);
    ASSERT_THAT(expected, IsOk());
    Random random(3);
    const Tensor first = inputs[0];
    for (int repetition = 0; repetition < kRepetitions; ++repetition) {
      // Every second element of a larger buffer, with the dims in another order.
      Dims dims = first.dims(), order_dims;
      std::vector<int> order(dims.size());
      for (size_t d = 0; d < order.size(); ++d) order[d] = static_cast<int>(d);
      random.Shuffle(order);
      for (const int d : order) order_dims.push_back(dims[d]);
      const int64_t step = random.Int(1, 2);
      const Dims packed = ContiguousStrides(order_dims);
      Dims strides(dims.size());
      for (size_t k = 0; k < order.size(); ++k) strides[order[k]] = packed[k] * step;
      Tensor buffer = Tensor::Filled(first.dtype(), {first.num_elements() * step + 1}, 1);
      const Tensor shown = buffer.WithLayout(dims, strides, 1);
      ForEachElement(dims, strides,
                     [&](int64_t i, int64_t offset) { buffer.set(1 + offset, first.at(i)); });
      inputs[0] = shown;
      const auto actual = RunOp(*row.def, row.attributes, inputs, row.num_outputs);
      ASSERT_THAT(actual, IsOk());
      for (int k = 0; k < row.num_outputs; ++k)
        ASSERT_EQ(BitDifference((*actual)[k], (*expected)[k]), "");
    }
  }
}

std::vector<Row> RowsOfViews() {
  std::vector<Row> rows;
  for (const Row& row : Rows()) {
    if (row.def->body() == OpDef::Body::kView) rows.push_back(row);
  }
  return rows;
}

INSTANTIATE_TEST_SUITE_P(AllOps, ViewTest, testing::ValuesIn(RowsOfViews()), RowName);

}  // namespace
}  // namespace flowgrad
