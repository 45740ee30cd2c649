// The canaries themselves: a step that writes past its buffer is found, wherever the buffer lives,
// and a plan without canaries is laid out as if there were none.

#include "tests/testing/canaries.h"

#include <algorithm>

#include "gmock/gmock.h"
#include "graph/graph_builder.h"
#include "gtest/gtest.h"
#include "ops/builtin_ops.h"
#include "ops/functions.h"
#include "ops/op.h"
#include "ops/op_registry.h"
#include "ops/shape_functions.h"
#include "scheduler/plan_options.h"
#include "tests/scheduler/planned_graphs.h"
#include "tests/testing/planned_run.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

using testing::HasSubstr;

// Copies its input, and writes one element too many.
absl::Status OverrunKernel(const KernelContext& context) {
  const View& x = context.inputs[0];
  auto* const y = context.outputs[0].as<float>();
  std::copy_n(x.as<const float>(), x.dims[0], y);
  y[x.dims[0]] = 1;
  return absl::OkStatus();
}

void RegisterOverrun(OpRegistry& registry) {
  registry.Add(
      OpDef("Overrun", {"x"}, {"y"})
          .Doc("x, and something behind it.", "%0")
          .Shape(SameShape)
          .Kernels(Types<float>(), []<class T>(const KernelContext& c) { return OverrunKernel(c); })
          .NoGradient("it is for a test"));
}

struct Watched {
  Space space = Space::kNone;  // of what is written past
  absl::Status status;
};

// Sixteen floats are all that is between two guards.
Watched Overrun(const PlanOptions& options) {
  OpRegistry registry;
  RegisterBuiltinOps(registry);
  RegisterOverrun(registry);
  EXPECT_THAT(registry.status(), IsOk());
  GraphBuilder g(registry);
  const Value y = Call("Overrun", {g.Input("x", "float[16]")}).As("too_far");
  g.Output(ReduceSum(Exp(y), {0}, /*keepdims=*/false), "sum");
  g.Output(ReduceSum(Tanh(g.Input("z", "float[16]")), {0}, /*keepdims=*/false), "other");
  absl::StatusOr<Graph> graph = std::move(g).Build();
  EXPECT_THAT(graph, IsOk());
  const Tensor twos = Tensor::Filled(DType::kFloat, {16}, 2);
  const TensorMap feeds = {{"x", twos}, {"z", twos}};
  const auto run =
      PlannedRun::Make(std::make_shared<const Graph>(*std::move(graph)), feeds, /*states=*/{},
                       {"sum", "other"}, /*update_states=*/false, options);
  EXPECT_THAT(run, IsOk());
  Canaries canaries(&(*run)->run_state());
  EXPECT_THAT((*run)->Run(feeds, StepValues()), IsOk());
  EXPECT_GT(canaries.num_checks(), 0);
  Watched watched;
  watched.status = canaries.status();
  for (const Buffer& buffer : (*run)->plan().buffers) {
    if ((*run)->plan().ops[buffer.op].name == "too_far") watched.space = buffer.space;
  }
  return watched;
}

TEST(CanariesTest, FindAStepThatWritesPastItsBufferInTheArena) {
  PlanOptions options;
  options.canaries = true;
  const Watched watched = Overrun(options);
  EXPECT_EQ(watched.space, Space::kArena);
  EXPECT_THAT(watched.status,
              StatusIs(absl::StatusCode::kInternal,
                       HasSubstr("of node \"too_far\" (Overrun) byte 0 behind the 64 bytes of node "
                                 "\"too_far\" was found changed")));
}

TEST(CanariesTest, FindOneThatWritesPastItsValueInScratchMemory) {
  int found = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    PlanOptions options;
    options.canaries = true;
    options.random_seed = seed;
    const Watched watched = Overrun(options);
    if (watched.space != Space::kScratch) continue;
    ++found;
    EXPECT_THAT(watched.status,
                StatusIs(absl::StatusCode::kInternal,
                         HasSubstr("of node \"too_far\" (Overrun) byte 0 behind a value in scratch "
                                   "memory was found changed")));
  }
  EXPECT_GT(found, 0);
}

TEST(CanariesTest, ChangeNoPlanThatHasNone) {
  const PlannedGraph planned = TrainStepOfMlp(37, 23, 19, 3);
  PlanOptions with;
  with.canaries = true;
  const auto make = [&](const PlanOptions& options) {
    return PlannedRun::Make(planned.graph, planned.feeds, planned.states, planned.fetches,
                            /*update_states=*/true, options);
  };
  const auto without = make(PlanOptions()), guarded = make(with);
  ASSERT_THAT(without, IsOk());
  ASSERT_THAT(guarded, IsOk());
  EXPECT_EQ((*without)->plan().guard_bytes, 0);
  EXPECT_EQ((*guarded)->plan().guard_bytes, 64);
  EXPECT_LT((*without)->plan().arena_bytes, (*guarded)->plan().arena_bytes);
  EXPECT_EQ((*without)->plan().steps.size(), (*guarded)->plan().steps.size());
}

}  // namespace
}  // namespace flowgrad
