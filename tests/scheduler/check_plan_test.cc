// That CheckPlan() sees whatever is wrong with a plan: plans broken by hand.

#include "scheduler/check_plan.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ops/functions.h"
#include "scheduler/planner.h"
#include "tests/scheduler/planned_graphs.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

using testing::HasSubstr;

class CheckPlanTest : public testing::Test {
 protected:
  // A plan of two panels in a chain of three ops.
  CheckPlanTest() {
    PlanOptions options = SmallestTasks();
    options.local = options.in_place = options.reuse = options.fuse = false;
    const PlannedGraph planned = MakePlanned("chain", 32, [](GraphBuilder& g) {
      const Value x = g.Input("x", "float[N,8]");
      const Value w = g.Parameter("w", "float[8]", Uniform(0, 1));
      const Value y = Tanh(Exp(x * w));
      g.Output(y, "y");
      g.Update(w, w - ReduceSum(y, {0}, /*keepdims=*/false) * 0.1);
    });
    plan_ = *PlanOf(planned, options);
    EXPECT_THAT(CheckPlan(plan_), IsOk());
    EXPECT_GT(plan_.tasks.size(), 4);
  }
  std::string Message() const { return std::string(CheckPlan(plan_).message()); }

  Plan plan_;
};

TEST_F(CheckPlanTest, SeesAMissingEdge) {
  for (Task& task : plan_.tasks) {
    if (task.before.empty()) continue;
    task.before.clear();
    break;
  }
  EXPECT_THAT(Message(), testing::AnyOf(HasSubstr("in no order"), HasSubstr("before it is written"),
                                        HasSubstr("before the gate")));
}

TEST_F(CheckPlanTest, SeesEachMissingEdge) {
  int seen = 0, edges = 0;
  for (Task& task : plan_.tasks) {
    for (size_t i = 0; i < task.before.size(); ++i) {
      const std::vector<int32_t> all = task.before;
      task.before.erase(task.before.begin() + static_cast<int64_t>(i));
      ++edges;
      seen += !CheckPlan(plan_).ok();
      task.before = all;
    }
  }
  EXPECT_EQ(seen, edges);
}

TEST_F(CheckPlanTest, SeesBuffersThatShareBytes) {
  int arena = 0;
  for (Operand& operand : plan_.operands) {
    if (operand.space == Space::kArena) {
      operand.offset = 0;
      ++arena;
    }
  }
  ASSERT_GT(arena, 4);
  EXPECT_FALSE(CheckPlan(plan_).ok());
}

TEST_F(CheckPlanTest, SeesAPanelThatReachesIntoTheNext) {
  bool damaged = false;
  for (size_t s = 0; s < plan_.steps.size() && !damaged; ++s) {
    const Step& step = plan_.steps[s];
    if (step.op < 0 || plan_.ops[step.op].kind != "Exp") continue;
    Operand& output = plan_.operands[step.operands + step.num_inputs];
    output.offset += 4;
    damaged = true;
  }
  ASSERT_TRUE(damaged);
  EXPECT_FALSE(CheckPlan(plan_).ok());
}

TEST_F(CheckPlanTest, SeesAWriteOfAnInput) {
  for (const Step& step : plan_.steps) {
    if (step.op < 0) continue;
    Operand& output = plan_.operands[step.operands + step.num_inputs];
    output.space = Space::kInput;
    output.slot = 0;
    output.offset = 0;
    break;
  }
  EXPECT_THAT(Message(), HasSubstr("writes an input or a constant"));
}

TEST_F(CheckPlanTest, SeesAWriteOfAStateBeforeTheGate) {
  for (Step& step : plan_.steps) {
    if (step.op < 0 || step.writes_state) continue;
    Operand& output = plan_.operands[step.operands + step.num_inputs];
    output.space = Space::kState;
    output.slot = 0;
    output.offset = 0;
    break;
  }
  EXPECT_THAT(Message(), HasSubstr("hides that it writes a state"));
}

TEST_F(CheckPlanTest, SeesAFailureAfterTheGate) {
  for (Step& step : plan_.steps) step.can_fail = step.can_fail || step.writes_state;
  EXPECT_THAT(Message(), HasSubstr("can fail after the gate"));
}

TEST_F(CheckPlanTest, SeesAStepLeftOut) {
  --plan_.tasks.back().end_step;
  EXPECT_THAT(Message(), HasSubstr("is in no task"));
}

TEST_F(CheckPlanTest, SeesATaskThatWaitsForALaterOne) {
  plan_.tasks[0].before.push_back(1);
  EXPECT_THAT(Message(), HasSubstr("task 0 waits for task 1"));
}

// Past the last line that the step after it reads, and of a task that is not its own.
TEST_F(CheckPlanTest, SeesLinesFetchedThatNobodyTouches) {
  Plan plan = *PlanOf(TrainStepOfMlp(/*batch=*/64, /*inputs=*/64, /*hidden=*/64, /*classes=*/5));
  ASSERT_FALSE(plan.soon.empty());
  EXPECT_THAT(CheckPlan(plan), IsOk());
  for (const auto change :
       {+[](SoonTouched& soon) { ++soon.lines; }, +[](SoonTouched& soon) { soon.offset -= 64; },
        +[](SoonTouched& soon) { soon.operand = 0; }}) {
    Plan broken = plan;
    change(broken.soon.back());
    EXPECT_THAT(std::string(CheckPlan(broken).message()), HasSubstr("fetches lines that no later"));
  }
}

TEST_F(CheckPlanTest, SeesLinesFetchedToBeWrittenThatAreOnlyRead) {
  Plan plan = *PlanOf(TrainStepOfMlp(/*batch=*/64, /*inputs=*/64, /*hidden=*/64, /*classes=*/5));
  const auto only_read = std::find_if(plan.soon.begin(), plan.soon.end(),
                                      [](const SoonTouched& soon) { return !soon.to_write; });
  ASSERT_NE(only_read, plan.soon.end());
  EXPECT_THAT(CheckPlan(plan), IsOk());
  only_read->to_write = true;
  EXPECT_THAT(std::string(CheckPlan(plan).message()),
              HasSubstr("fetches lines that no later step of its task writes"));
}

}  // namespace
}  // namespace flowgrad
