// Every op of the registry, and its gradient, gives in any legal plan the bits of the reference
// run.

#include <memory>

#include "gtest/gtest.h"
#include "tests/conformance/row_graph.h"
#include "tests/testing/planned_run.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tensors.h"

namespace flowgrad {
namespace {

class AnyPlanTest : public testing::TestWithParam<Row> {};

TEST_P(AnyPlanTest, GivesTheBitsOfTheReferenceRun) {
  const Row& row = GetParam();
  std::vector<Tensor> inputs = DrawInputs(row, row.DTypes()[0]);
  auto made = std::make_unique<RowGraph>(row, inputs);
  made->Differentiate();
  // Some ops have no gradient, or not by all inputs.
  const bool differentiates = made->Build().ok();
  if (!differentiates) {
    made = std::make_unique<RowGraph>(row, inputs);
    ASSERT_THAT(made->Build(), IsOk());
  }
  const auto graph = std::make_shared<const Graph>(made->graph());
  Random random(5);
  for (size_t i = inputs.size(); i < made->inputs().size(); ++i) {
    inputs.emplace_back();
    if (made->inputs()[i].empty()) continue;
    const TensorType& type = graph->type(graph->Find(made->inputs()[i]));
    inputs.back() = RandomTensor(type.dtype, KnownDims(type.shape), -1, 1, random);
  }
  std::vector<std::string> fetches = made->Fetches(0);
  if (differentiates) {
    for (const std::string& name : made->Fetches(1)) fetches.push_back(name);
  }
  const TensorMap feeds = made->Feeds(inputs);
  TensorMap states;
  const auto expected = ReferenceRun(*graph, feeds, states, fetches, kStepValues);
  ASSERT_THAT(expected, IsOk());
  for (uint64_t plan = 0; plan < 12; ++plan) {
    PlanOptions options;
    if (plan == 1) options.task_ns = options.piece_ns = 1, options.serial_ns = 0;
    if (plan > 1) options.random_seed = plan;
    options.local = plan % 2 == 0;
    const int threads = plan < 10 ? 1 : 3;
    const auto run = PlannedRun::Make(graph, feeds, states, fetches, /*update_states=*/false,
                                      options, Workers(threads));
    ASSERT_THAT(run, IsOk()) << "plan " << plan;
    const auto actual = (*run)->Run(feeds, kStepValues);
    ASSERT_THAT(actual, IsOk()) << "plan " << plan;
    for (size_t f = 0; f < fetches.size(); ++f) {
      EXPECT_EQ(BitDifference((*actual)[f], (*expected)[f]), "")
          << fetches[f] << " by plan " << plan;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllOps, AnyPlanTest, testing::ValuesIn(Rows()),
                         [](const testing::TestParamInfo<Row>& info) { return info.param.Name(); });

}  // namespace
}  // namespace flowgrad
