// What a run of a plan holds, worked out by hand, and what is refused for it.

#include "scheduler/plan_memory.h"

#include "gmock/gmock.h"
#include "graph/autodiff.h"
#include "graph/graph_builder.h"
#include "gtest/gtest.h"
#include "ops/functions.h"
#include "scheduler/reference_run.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

int64_t HeldOf(const PlanMemory& memory, MemoryKind kind) {
  for (const MemoryPart& part : memory.parts) {
    if (part.kind == kind) return part.held;
  }
  return 0;
}

// A plan made by hand: a hidden value of 128 bytes, its gradient in the place of another one that
// is no longer needed, and 64 bytes behind.
Plan SmallPlan() {
  GraphBuilder g;
  const Value w = g.Parameter("w", "float[4,4]", Zeros());
  g.Variable("optimizer/w/momentum", "float[4,4]", Zeros());
  g.Variable("unused", "double[100]", Zeros());
  const Value h = MatMul(g.Input("x", "float[4,4]"), w).As("h");
  const Value loss = ReduceSum(h * h, {0, 1}, /*keepdims=*/false);
  g.Output((Gradients(g, {loss}, {w})[0] * 2.0).As("twice"), "y");
  absl::StatusOr<Graph> graph = std::move(g).Build();
  EXPECT_THAT(graph, IsOk());
  Plan plan;
  plan.graph = std::make_shared<const Graph>(*std::move(graph));
  plan.reads_state = {true, true, false};
  plan.writes_state = {true, true, false};
  plan.steps.resize(4);
  for (int s = 0; s < 4; ++s) plan.steps[s].op = s == 0 ? 0 : s - 1;
  plan.tasks.resize(2);
  for (const char* name : {"h", "gradients/w", "twice"}) {
    PlannedOp op;
    op.name = name;
    op.kind = "MatMul";
    op.node = plan.graph->Find(name).node;
    plan.ops.push_back(op);
  }
  plan.buffers = {{Space::kArena, 0, 0, 128, 0, 1},
                  {Space::kArena, 1, 64, 64, 2, 2},
                  {Space::kArena, 2, 192, 64, 2, 3},
                  {Space::kScratch, 1, 0, 256, 1, 1}};
  plan.arena_bytes = 256;
  plan.scratch_bytes = 320;
  plan.cache_offsets = {0};
  plan.cache_names = {"h"};
  plan.cache_bytes = 64;
  return plan;
}

TEST(PlanMemoryTest, CountsSharedBytesOnce) {
  const PlanMemory memory = MemoryOf(SmallPlan(), /*threads=*/3);
  const auto held = [&](MemoryKind kind) { return HeldOf(memory, kind); };
  EXPECT_EQ(held(MemoryKind::kParameter), 64);
  EXPECT_EQ(held(MemoryKind::kOptimizer), 64);
  EXPECT_EQ(held(MemoryKind::kVariable), 0);
  EXPECT_EQ(held(MemoryKind::kPacked), 64);
  EXPECT_EQ(held(MemoryKind::kActivation), 128);
  EXPECT_EQ(held(MemoryKind::kGradient), 0);  // in the place of an activation
  EXPECT_EQ(held(MemoryKind::kUpdate), 64);
  EXPECT_EQ(held(MemoryKind::kScratch), 3 * 320);
  EXPECT_EQ(memory.gaps, 64);
  EXPECT_EQ(held(MemoryKind::kRest),
            64 * (2 + 5));  // a line behind each state and each block of the run
  EXPECT_EQ(memory.total, 64 + 64 + 64 + 128 + 64 + 960 + 64 + 448 + held(MemoryKind::kTable));
  EXPECT_THAT(memory.live, ElementsAre(128, 128, 128, 64));
}

TEST(PlanMemoryTest, OneTaskHasTheScratchMemoryOfOneWorker) {
  Plan plan = SmallPlan();
  plan.tasks.resize(1);
  EXPECT_EQ(HeldOf(MemoryOf(plan, /*threads=*/8), MemoryKind::kScratch), 320);
}

TEST(PlanMemoryTest, IsShownByKindByNodeAndOverTime) {
  const Plan plan = SmallPlan();
  PlanMemory memory = MemoryOf(plan, /*threads=*/2);
  // How large they are is the compiler's business.
  const auto is_table = [](const auto& x) { return x.kind == MemoryKind::kTable; };
  memory.total -= HeldOf(memory, MemoryKind::kTable);
  std::erase_if(memory.parts, is_table);
  std::erase_if(memory.owners, is_table);
  EXPECT_EQ(MemoryText(memory, plan, /*threads=*/2),
            "memory             buffers  by themselves  held\n"
            "-----------------  -------  -------------  ----\n"
            "parameter          1        64             64\n"
            "optimizer state    1        64             64\n"
            "packed weight      1        64             64\n"
            "activation         1        128            128\n"
            "gradient           1        64             0\n"
            "update             1        64             64\n"
            "scratch            2        640            640\n"
            "rest of pages      2        384            384\n"
            "gaps in the arena                          64\n"
            "all                10       1472           1472\n"
            "arena: 256 bytes, which activations, gradients and updates share\n"
            "scratch of each worker: 320 bytes\n"
            "all with 2 threads: 1472 bytes\n"
            "\n"
            "memory of               op      kind             bytes  scratch  steps\n"
            "----------------------  ------  ---------------  -----  -------  -----\n"
            "scratch of the workers          scratch          640             all\n"
            "rest behind the run             rest of pages    256             all\n"
            "h                       MatMul  activation       128             0-1\n"
            "rest behind the states          rest of pages    128             all\n"
            "gradients/w             MatMul  gradient         64     256      1-2\n"
            "h                               packed weight    64              all\n"
            "optimizer/w/momentum            optimizer state  64              all\n"
            "twice                   MatMul  update           64              2-3\n"
            "w                               parameter        64              all\n"
            "\n"
            "steps  alive                        most at\n"
            "-----  -----  --------------------  -----------\n"
            "0      128    ####################  h\n"
            "1      128    ####################  h\n"
            "2      128    ####################  gradients/w\n"
            "3      64     ##########            twice\n"
            "peak: 128 bytes alive at step 0, h, in an arena of 256\n");
}

TEST(PlanMemoryTest, RefusesARunOverTheLimitAndNamesTheLargest) {
  const Plan plan = SmallPlan();
  const int64_t total = MemoryOf(plan, 1).total;
  EXPECT_THAT(CheckMemoryLimit(plan, 1, total), IsOk());
  EXPECT_THAT(CheckMemoryLimit(plan, 1, total - 1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       testing::MatchesRegex(
                           "a run needs [0-9]+ bytes, more than the memory limit of "
                           "[0-9]+: parameter 64, optimizer state 64, packed weight 64, "
                           "activation 128, gradient 0, update 64, scratch 320, rest of pages "
                           "320, table [0-9]+; the largest are \"tables of the plan\" "
                           "\\(table\\) [0-9]+, \"scratch of the workers\" \\(scratch\\) 320, "
                           "\"rest behind the run\" \\(rest of pages\\) 192, \"h\" "
                           "\\(activation\\) 128, .*")));
}

// RELIABILITY E22: each tensor can be counted, 2^62 bytes, and their sum cannot.
TEST(PlanMemoryTest, RefusesStatesOfWhichTheSumOverflows) {
  GraphBuilder g;
  const Value a = g.Parameter("a", "double[576460752303423488]", Zeros());
  const Value b = g.Parameter("b", "double[576460752303423488]", Zeros());
  const Value c = g.Parameter("c", "double[576460752303423488]", Zeros());
  g.Output(a + b + c, "y");
  const absl::StatusOr<Graph> graph = std::move(g).Build();
  ASSERT_THAT(graph, IsOk());
  EXPECT_THAT(
      CheckStatesLimit(*graph, int64_t{1} << 62),
      StatusIs(absl::StatusCode::kInvalidArgument,
               "parameters and variables need 9223372036854775807 bytes, more than the memory "
               "limit of 4611686018427387904: parameter 9223372036854775807; the largest are "
               "\"a\" (parameter) 4611686018427387904, \"b\" (parameter) 4611686018427387904, "
               "\"c\" (parameter) 4611686018427387904"));
  EXPECT_THAT(InitializeStates(*graph, 1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("more than this machine's memory: parameter")));
}

}  // namespace
}  // namespace flowgrad
