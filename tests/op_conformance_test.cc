// Every op that is registered has a row in the table of tests/conformance/, and does there what it
// promises. The law of equal bits, gradients and shapes are tested on the same rows in files of
// their own beside the table.

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "ops/builtin_ops.h"
#include "tests/conformance/row_graph.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tensors.h"

namespace flowgrad {
namespace {

TEST(ConformanceTableTest, BuiltinOpsAreWellDefined) { EXPECT_THAT(BuiltinOps().status(), IsOk()); }

TEST(ConformanceTableTest, EveryOpHasARow) {
  std::set<std::string> covered;
  for (const Row& row : Rows()) covered.insert(row.op);
  for (const std::string& name : BuiltinOps().Names()) {
    EXPECT_EQ(covered.count(name), 1) << name << " has no row in tests/conformance/";
  }
}

TEST(ConformanceTableTest, EveryRowNamesAnOp) {
  for (const Row& row : TableAsWritten()) EXPECT_NE(BuiltinOps().Find(row.op), nullptr) << row.op;
}

TEST(ConformanceTableTest, RowsCoverDTypesPortsAndAttributes) {
  std::map<std::string, std::set<std::string>> seen;
  for (const Row& row : Rows()) {
    std::set<std::string>& what = seen[row.op];
    for (const DType dtype : row.DTypes()) what.insert(absl::StrCat("dtype ", DTypeName(dtype)));
    for (const Attributes::Entry& entry : row.attributes.entries())
      what.insert(absl::StrCat("attribute ", entry.first));
    for (int i = 0; i < static_cast<int>(row.def->inputs().size()); ++i) {
      const bool given = i < static_cast<int>(row.inputs.size()) && row.inputs[i].present;
      what.insert(absl::StrCat(given ? "with" : "without", " input ", row.def->inputs()[i].name));
    }
    for (int i = 0; i < static_cast<int>(row.def->outputs().size()); ++i) {
      what.insert(absl::StrCat(i < row.num_outputs ? "with" : "without", " output ",
                               row.def->outputs()[i].name));
    }
  }
  for (const std::string& name : BuiltinOps().Names()) {
    const OpDef& op = *BuiltinOps().Find(name);
    const auto expect = [&](const std::string& what) {
      EXPECT_EQ(seen[name].count(what), 1) << "no row of " << name << " has " << what;
    };
    for (const DType dtype : op.dtypes()) {
      if (!op.inputs().empty()) expect(absl::StrCat("dtype ", DTypeName(dtype)));
    }
    for (const AttributeSpec& spec : op.attributes()) expect(absl::StrCat("attribute ", spec.name));
    for (const std::vector<Port>* ports : {&op.inputs(), &op.outputs()}) {
      const char* kind = ports == &op.inputs() ? "input " : "output ";
      for (const Port& port : *ports) {
        expect(absl::StrCat("with ", kind, port.name));
        if (port.optional) expect(absl::StrCat("without ", kind, port.name));
      }
    }
  }
}

class OpConformanceTest : public testing::TestWithParam<Row> {};

TEST_P(OpConformanceTest, RunsWithEveryDType) {
  for (const DType dtype : GetParam().DTypes()) {
    EXPECT_THAT(RunRow(GetParam(), DrawInputs(GetParam(), dtype)), IsOk()) << DTypeName(dtype);
  }
}

TEST_P(OpConformanceTest, GivesTheSameBitsAgain) {
  const std::vector<Tensor> inputs = DrawInputs(GetParam(), GetParam().DTypes()[0]);
  const auto once = RunRow(GetParam(), inputs), again = RunRow(GetParam(), inputs);
  ASSERT_THAT(once, IsOk());
  ASSERT_THAT(again, IsOk());
  for (int i = 0; i < GetParam().num_outputs; ++i)
    EXPECT_EQ(BitDifference((*again)[i], (*once)[i]), "");
}

TEST_P(OpConformanceTest, GivesTheValuesWorkedOutByHand) {
  const Row& row = GetParam();
  for (const DType dtype : row.DTypes()) {
    if (!IsFloating(dtype) && row.DTypes().size() > 1)
      continue;  // the values are those of fractions
    const auto outputs = RunRow(row, DrawInputs(row, dtype));
    ASSERT_THAT(outputs, IsOk());
    for (size_t i = 0; i < row.expected.size(); ++i) {
      const Tensor& output = (*outputs)[i];
      std::vector<double> values;
      for (const absl::string_view word : absl::StrSplit(row.expected[i], ' ', absl::SkipEmpty())) {
        double value = word == "true";
        ASSERT_TRUE(word == "true" || word == "false" || absl::SimpleAtod(word, &value)) << word;
        values.push_back(value);
      }
      ASSERT_EQ(output.num_elements(), values.size()) << TensorText(output);
      Tensor expected(DType::kDouble, output.dims());
      for (size_t e = 0; e < values.size(); ++e) expected.set(e, values[e]);
      EXPECT_EQ(Difference(output, expected, 2e-6, 0.1), "") << TensorText(output);
    }
  }
}

TEST_P(OpConformanceTest, FloatIsThatOfDouble) {
  const Row& row = GetParam();
  const std::vector<DType> dtypes = row.DTypes();
  if (std::find(dtypes.begin(), dtypes.end(), DType::kDouble) == dtypes.end()) return;
  if (std::find(dtypes.begin(), dtypes.end(), DType::kFloat) == dtypes.end()) return;
  const auto of_float = RunRow(row, DrawInputs(row, DType::kFloat));
  const auto of_double = RunRow(row, DrawInputs(row, DType::kDouble));
  ASSERT_THAT(of_float, IsOk());
  ASSERT_THAT(of_double, IsOk());
  for (int i = 0; i < row.num_outputs; ++i) {
    const Tensor &actual = (*of_float)[i], &expected = (*of_double)[i];
    const double tolerance = IsFloating(actual.dtype()) ? 1e-5 * row.float_factor * Growth(row) : 0;
    EXPECT_EQ(Difference(actual, expected, tolerance, 0.01), "") << "output " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(AllOps, OpConformanceTest, testing::ValuesIn(Rows()),
                         [](const testing::TestParamInfo<Row>& info) { return info.param.Name(); });

}  // namespace
}  // namespace flowgrad
