// Times made by hand: what work is, and where the time of the workers goes.

#include "scheduler/measured_plan.h"

#include <memory>
#include <vector>

#include "gtest/gtest.h"

namespace flowgrad {
namespace {

// Task 1 waits for task 0; task 2 waits for none. Two steps in task 0, of both ops.
std::shared_ptr<const Plan> ThreeTasks() {
  auto plan = std::make_shared<Plan>();
  plan->ops.resize(2);
  plan->steps.resize(4);
  plan->steps[0].op = 0;
  plan->steps[1].op = plan->steps[2].op = plan->steps[3].op = 1;
  plan->tasks.resize(3);
  plan->tasks[0].end_step = plan->tasks[1].first_step = 2;
  plan->tasks[1].end_step = plan->tasks[2].first_step = 3;
  plan->tasks[2].end_step = 4;
  plan->tasks[1].before = {0};
  return plan;
}

// A run with memory of its own.
struct Recorded {
  std::vector<Tracer::TaskTime> tasks;
  std::vector<int64_t> step_ends;
  Tracer::RecordedRun run;

  Recorded(int64_t start, int64_t end, std::vector<Tracer::TaskTime> task_times,
           std::vector<int64_t> step_ends_ns = {})
      : tasks(std::move(task_times)), step_ends(std::move(step_ends_ns)) {
    run.plan = ThreeTasks();
    run.start_ns = start;
    run.end_ns = end;
    run.tasks = absl::MakeSpan(tasks);
    run.step_ends_ns = absl::MakeSpan(step_ends);
  }
  Recorded(const Recorded&) = delete;  // `run` looks at the vectors
};

// Steps of 70 ms, 30 ms in task 0; 40 ms in task 1; 10 ms in task 2; all times `scale`.
Recorded StepsOf(int64_t scale) {
  const int64_t ms = 1'000'000 * scale;
  return Recorded(0, 400 * ms, {{0, 100 * ms, 0}, {200 * ms, 240 * ms, 0}, {300 * ms, 310 * ms, 0}},
                  {70 * ms, 100 * ms, 240 * ms, 310 * ms});
}

TEST(MeasuredPlanTest, SharesOutTheTimeOfTheWorkers) {
  Recorded recorded(100, 200, {{110, 140, 0}, {160, 190, 0}, {120, 150, 1}});
  const MeasuredRun run = FastestRun({recorded.run}, /*workers=*/2);
  EXPECT_EQ(run.wall_ns, 100);
  EXPECT_EQ(run.busy_ns, 90);
  // From 100 to 110 two workers are slow to begin tasks 0 and 2, to 120 one is; from 140 on task 1
  // may start, and does so at 160.
  EXPECT_EQ(run.overhead_ns, 20 + 10 + 10 + 10);
  // From 150 to 160 the second worker finds nothing, to 190 one, to 200 both.
  EXPECT_EQ(run.waiting_ns, 10 + 30 + 20);
  EXPECT_EQ(run.workers[0].tasks, 2);
  EXPECT_EQ(run.workers[0].busy_ns, 60);
  EXPECT_EQ(run.workers[1].tasks, 1);
  EXPECT_EQ(run.workers[1].busy_ns, 30);
}

TEST(MeasuredPlanTest, AWorkerThatNeverComesWaits) {
  Recorded recorded(0, 30, {{0, 10, 0}, {10, 20, 0}, {20, 30, 0}});
  const MeasuredRun run = FastestRun({recorded.run}, /*workers=*/3);
  EXPECT_EQ(run.workers[2].tasks, 0);
  EXPECT_EQ(run.busy_ns + run.waiting_ns + run.overhead_ns, 90);
  EXPECT_EQ(run.overhead_ns, 20);  // task 2 could have started at 0, and starts at 20
}

TEST(MeasuredPlanTest, TakesTheFastestRun) {
  Recorded fast(0, 30, {{0, 10, 0}, {10, 20, 0}, {20, 30, 0}});
  Recorded slow(0, 300, {{0, 100, 0}, {100, 200, 0}, {200, 300, 0}});
  Recorded usual(0, 33, {{1, 11, 0}, {12, 22, 0}, {23, 33, 0}});
  EXPECT_EQ(FastestRun({slow.run, fast.run, usual.run}, 1).wall_ns, 30);
}

TEST(MeasuredPlanTest, WorkIsTheSumOfMediansAndThePathTheLongestChain) {
  Recorded first(0, 100, {{0, 10, 0}, {20, 40, 0}, {50, 85, 0}});
  Recorded second(0, 100, {{0, 12, 0}, {20, 44, 0}, {50, 85, 0}});
  Recorded third(0, 999, {{0, 500, 0}, {500, 501, 0}, {600, 634, 0}});
  const Recorded steps = StepsOf(1);
  const MeasuredWork work = WorkOf({steps.run}, {first.run, second.run, third.run});
  EXPECT_EQ(work.task_ns, std::vector<double>({12, 20, 35}));
  EXPECT_EQ(work.work_ns, 67);
  EXPECT_EQ(work.critical_path_ns, 35);
}

TEST(MeasuredPlanTest, AnOpTakesTheMedianOfWhatItsStepsTook) {
  Recorded tasks(0, 100, {{0, 10, 0}, {20, 40, 0}, {50, 90, 0}});
  const Recorded one = StepsOf(1), two = StepsOf(2), nine = StepsOf(9);
  const MeasuredWork work = WorkOf({nine.run, one.run, two.run}, {tasks.run});
  ASSERT_EQ(work.op_ns.size(), 2u);
  // Less four looks at the clock, which take less than a millisecond.
  EXPECT_NEAR(work.op_ns[0], 2 * 70e6, 1e6);
  EXPECT_NEAR(work.op_ns[1], 2 * 80e6, 3e6);
}

}  // namespace
}  // namespace flowgrad
