// Shapes of all kinds, for every op: empty tensors, symbols, and inputs and attributes that nobody
// meant to give. What comes out is a result of the inferred type or one clear error, never a crash.

#include <limits>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "ops/builtin_ops.h"
#include "ops/run_op.h"
#include "tests/conformance/row_graph.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tensors.h"

namespace flowgrad {
namespace {

std::string RowName(const testing::TestParamInfo<Row>& info) { return info.param.Name(); }

// A refusal must be one that a user can act on.
void ExpectCleanError(const absl::Status& status) {
  EXPECT_TRUE(status.code() == absl::StatusCode::kInvalidArgument) << status;
  EXPECT_NE(status.message(), "");
}

class ShapesTest : public testing::TestWithParam<Row> {};

// Runs the op and its gradient.
absl::Status RunWithGradient(const Row& row, const std::vector<Tensor>& inputs) {
  const absl::StatusOr<std::vector<Tensor>> outputs = RunRow(row, inputs);
  if (!outputs.ok()) return outputs.status();
  RowGraph graph(row, inputs);
  graph.Differentiate();
  // Ops and rows without a gradient are tested elsewhere.
  if (!graph.Build().ok()) return absl::OkStatus();
  std::vector<Tensor> fed = inputs;
  for (const Tensor& output : *outputs) {
    fed.push_back(IsFloating(output.dtype()) ? Tensor::Filled(output.dtype(), output.dims(), 1)
                                             : Tensor());
  }
  const absl::StatusOr<std::vector<Tensor>> gradients = graph.Run(1, fed);
  if (!gradients.ok()) return gradients.status();
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!(*gradients)[i].present()) continue;
    EXPECT_EQ((*gradients)[i].type(), inputs[i].type());
  }
  return absl::OkStatus();
}

TEST_P(ShapesTest, EmptyInputsGiveEmptyResultsOrAnError) {
  const Row& row = GetParam();
  const DType dtype = row.DTypes()[0];
  const std::vector<Tensor> drawn = DrawInputs(row, dtype);
  const auto emptied = [](const Tensor& tensor, int d) {
    Dims dims = tensor.dims();
    dims[d] = 0;
    return Tensor(tensor.dtype(), dims);
  };
  for (size_t i = 0; i < drawn.size(); ++i) {
    if (!drawn[i].present()) continue;
    for (int d = 0; d < drawn[i].rank(); ++d) {
      std::vector<Tensor> alone = drawn, with_others = drawn;
      alone[i] = emptied(drawn[i], d);
      // All dims of the same size go along, as a batch that is empty.
      for (size_t j = 0; j < drawn.size(); ++j) {
        if (row.inputs[j].is_constant() || !drawn[j].present()) continue;
        for (int e = 0; e < drawn[j].rank(); ++e) {
          if (drawn[j].dims()[e] == drawn[i].dims()[d]) with_others[j] = emptied(with_others[j], e);
        }
      }
      for (const std::vector<Tensor>& inputs : {alone, with_others}) {
        const absl::Status status = RunWithGradient(row, inputs);
        if (!status.ok()) ExpectCleanError(status);
      }
    }
  }
}

TEST_P(ShapesTest, SymbolsGiveTheResultsOfNumbers) {
  const Row& row = GetParam();
  if (!row.has_symbols()) return;
  for (const DType dtype : row.DTypes()) {
    std::vector<Tensor> inputs = DrawInputs(row, dtype);
    const auto known = RunRow(row, inputs), symbolic = RunRow(row, inputs, /*symbols=*/true);
    ASSERT_THAT(known, IsOk());
    ASSERT_THAT(symbolic, IsOk());
    for (int k = 0; k < row.num_outputs; ++k)
      EXPECT_EQ(BitDifference((*symbolic)[k], (*known)[k]), "");

    std::vector<std::vector<Tensor>> gradients;
    for (const Tensor& output : *known) {
      inputs.push_back(IsFloating(output.dtype())
                           ? Tensor::Filled(output.dtype(), output.dims(), 1.5)
                           : Tensor());
    }
    const std::vector<Tensor> of_op(inputs.begin(), inputs.end() - row.num_outputs);
    for (const bool symbols : {false, true}) {
      RowGraph graph(row, of_op, {.symbols = symbols});
      graph.Differentiate();
      const absl::Status status = graph.Build();
      if (!status.ok() && !symbols) return;  // it has no gradient
      ASSERT_THAT(status, IsOk());
      const auto result = graph.Run(1, inputs);
      ASSERT_THAT(result, IsOk());
      gradients.push_back(*result);
    }
    for (size_t i = 0; i < gradients[0].size(); ++i)
      EXPECT_EQ(BitDifference(gradients[1][i], gradients[0][i]), "");
  }
}

INSTANTIATE_TEST_SUITE_P(AllOps, ShapesTest, testing::ValuesIn(Rows()), RowName);

// Random calls: rows with something changed, or inputs made up from nothing.
class AnyCallTest : public testing::TestWithParam<std::string> {
 protected:
  AnyCallTest() : random_(StreamOf(GetParam())) {
    for (const Row& row : Rows()) {
      if (row.op == GetParam()) rows_.push_back(row);
    }
  }

  Dims AnyDims() {
    Dims dims(random_.Int(0, 4));
    for (int64_t& dim : dims) dim = random_.Pick(std::vector<int64_t>{0, 1, 1, 2, 3, 7});
    return dims;
  }

  Tensor AnyTensor(DType dtype) {
    const bool index = dtype == DType::kInt64 || dtype == DType::kInt32;
    return RandomTensor(dtype, index && random_.Chance(0.7) ? Dims{random_.Int(0, 3)} : AnyDims(),
                        -3, 4, random_);
  }

  void ChangeInput(Row& row, std::vector<Tensor>& inputs) {
    if (inputs.empty() || random_.Chance(0.1)) {
      inputs.push_back(AnyTensor(DType::kFloat));
      row.inputs.push_back(ParseInput("float[]"));
      return;
    }
    const int64_t i = random_.Int(0, static_cast<int64_t>(inputs.size()) - 1);
    const DType dtype = inputs[i].present() && random_.Chance(0.7)
                            ? inputs[i].dtype()
                            : static_cast<DType>(random_.Int(0, kNumDTypes - 1));
    if (random_.Chance(0.1)) {
      inputs[i] = Tensor();
    } else if (inputs[i].present() && random_.Chance(0.4)) {
      inputs[i] = RandomTensor(dtype, inputs[i].dims(), -9, 9, random_);
    } else {
      inputs[i] = AnyTensor(dtype);
    }
  }

  AttributeValue AnyValue(AttributeType type) {
    const double infinity = std::numeric_limits<double>::infinity();
    switch (type) {
      case AttributeType::kInt:
        return random_.Pick(std::vector<int64_t>{-9, -2, -1, 0, 1, 2, 3, 9,
                                                 std::numeric_limits<int64_t>::min(),
                                                 std::numeric_limits<int64_t>::max()});
      case AttributeType::kFloat:
        return random_.Pick(
            std::vector<double>{-infinity, -1, 0, 0.5, 1, 1e300, infinity, infinity - infinity});
      case AttributeType::kString:
        return random_.Pick(
            std::vector<std::string>{"", "none", "add", "mean", "double", "bool", "%n", "\n\"x"});
      case AttributeType::kInts:
        return random_.Pick(
            std::vector<Ints>{{}, {0}, {1, 0}, {0, 0}, {-1}, {2, 0, 1}, {9}, Ints(20, 0)});
      case AttributeType::kFloats:
        return Floats{1, 2};
      case AttributeType::kTensor:
        break;
    }
    return AnyTensor(static_cast<DType>(random_.Int(0, kNumDTypes - 1)));
  }

  void ChangeAttribute(Row& row) {
    const std::vector<AttributeSpec>& specs = row.def->attributes();
    if (specs.empty() || random_.Chance(0.1)) return row.attributes.Set("axes_", 1);
    const AttributeSpec& spec = random_.Pick(specs);
    const auto other = static_cast<AttributeType>(random_.Int(0, 5));
    row.attributes.Set(spec.name, AnyValue(random_.Chance(0.9) ? spec.type : other));
  }

  Random random_;
  std::vector<Row> rows_;
};

TEST_P(AnyCallTest, GivesAResultOrAnError) {
  int succeeded = 0;
  for (int i = 0; i < 1000; ++i) {
    Row row = random_.Pick(rows_);
    std::vector<Tensor> inputs = DrawInputs(row, random_.Pick(row.DTypes()), i);
    const int64_t changes = random_.Int(1, 3);
    for (int64_t change = 0; change < changes; ++change) {
      if (random_.Chance(0.6)) {
        ChangeInput(row, inputs);
      } else if (random_.Chance(0.8)) {
        ChangeAttribute(row);
      } else {
        row.num_outputs = static_cast<int>(random_.Int(1, 4));
      }
    }
    const absl::Status status = RunWithGradient(row, inputs);
    succeeded += status.ok();
    if (!status.ok()) ExpectCleanError(status);
  }
  RecordProperty("succeeded", succeeded);
}

// Numbers in inputs that shapes are made of, at their ends. Nothing is run: what a graph accepts
// may be larger than memory.
TEST_P(AnyCallTest, ExtremeNumbersInShapesAreRefusedOrCounted) {
  const std::vector<double> extremes = {-0x1p63, -0x1p62, -0x1p31, -1,     0,
                                        1,       0x1p31,  0x1p32,  0x1p62, 0x1p63};
  for (const Row& row : rows_) {
    for (size_t i = 0; i < row.inputs.size(); ++i) {
      if (!row.inputs[i].is_constant()) continue;
      for (int repetition = 0; repetition < 20; ++repetition) {
        std::vector<Tensor> inputs = DrawInputs(row, row.DTypes()[0]);
        for (int64_t e = 0; e < inputs[i].num_elements(); ++e) {
          if (inputs[i].dtype() == DType::kInt64) {
            inputs[i].data<int64_t>()[e] = CastTo<int64_t>(random_.Pick(extremes));
          } else {
            inputs[i].data<int32_t>()[e] = CastTo<int32_t>(random_.Pick(extremes));
          }
        }
        RowGraph graph(row, inputs);
        graph.Differentiate();
        (void)graph.Build();
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllOps, AnyCallTest, testing::ValuesIn(BuiltinOps().Names()),
                         [](const testing::TestParamInfo<std::string>& info) {
                           return info.param;
                         });

}  // namespace
}  // namespace flowgrad
