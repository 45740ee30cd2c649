// Plans made by hand, as text.

#include "scheduler/plan_text.h"

#include "graph/graph_builder.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

PlannedOp MakeOp(const char* name, const char* kind, CutKind cut, int32_t pieces,
                 int64_t piece_size, double cost_ns) {
  PlannedOp op;
  op.name = name;
  op.kind = kind;
  op.cut = cut;
  op.num_steps = pieces;
  op.piece_size = piece_size;
  op.cost_ns = cost_ns;
  return op;
}

void AddTask(Plan& plan, const std::vector<int32_t>& ops, double cost_ns) {
  Task task;
  task.first_step = static_cast<int32_t>(plan.steps.size());
  for (const int32_t op : ops) {
    plan.steps.emplace_back();
    plan.steps.back().op = op;
  }
  task.end_step = static_cast<int32_t>(plan.steps.size());
  task.cost_ns = cost_ns;
  plan.tasks.push_back(task);
}

// Two panels, two tiles, two parts that are joined, one per task but for the gate and the joining.
Plan SmallPlan() {
  GraphBuilder builder;
  builder.Parameter("w", "float[10,3]", Zeros());
  builder.Variable("unused", "double[100]", Zeros());
  absl::StatusOr<Graph> graph = std::move(builder).Build();
  EXPECT_THAT(graph, IsOk());
  Plan plan;
  plan.graph = std::make_shared<const Graph>(*std::move(graph));
  plan.reads_state = {true, false};
  plan.writes_state = {true, false};
  plan.ops = {MakeOp("z", "MatMul", CutKind::kPanels, 2, 8, 60'000),
              MakeOp("gradients/w", "MatMul", CutKind::kTiles, 2, 16, 20'040),
              MakeOp("mean", "ReduceSum", CutKind::kParts, 2, 256, 10'000),
              MakeOp("mean", "JoinParts", CutKind::kWhole, 1, 0, 10'000)};
  plan.ops[3].added = true;
  AddTask(plan, {0, 2}, 35'000);
  AddTask(plan, {0, 2}, 35'000);
  AddTask(plan, {1, 1, -1, 3}, 30'040);
  plan.work_ns = 100'040;
  plan.critical_path_ns = 65'040;
  return plan;
}

// What it holds in memory follows: PlanMemoryTest.
TEST(PlanTextTest, ShowsOpsAndTasks) {
  const std::string text = PlanText(SmallPlan(), /*threads=*/2);
  EXPECT_EQ(text.substr(0, text.find("\nmemory ")),
            "node         op           pieces              tasks  µs\n"
            "-----------  -----------  ------------------  -----  ----\n"
            "z            MatMul       2 panels of 8 rows  2      60.0\n"
            "gradients/w  MatMul       2 tiles of 16       1      20.0\n"
            "mean         ReduceSum    2 parts of 256      2      10.0\n"
            "mean         (JoinParts)  whole               1      10.0\n"
            "\n"
            "tasks: 3, of 30.0 to 35.0 µs, the median 35.0 µs\n"
            "work: 100.0 µs\n"
            "critical path: 65.0 µs, so at best 1.5 times as fast as one thread\n"
            "work outside panels, tiles and parts: 10.0 %\n");
}

// Three runs on two threads, of which the second idles.
MeasuredPlan SmallMeasurement() {
  MeasuredPlan measured;
  measured.work.op_ns = {66'000, 10'020, 8'001, 0};
  measured.work.work_ns = 90'000;
  measured.work.critical_path_ns = 60'000;
  measured.alone.wall_ns = 95'000;
  measured.run.wall_ns = 100'000;
  measured.run.workers = {{3, 100'000}, {0, 0}};
  measured.run.busy_ns = 100'000;
  measured.run.waiting_ns = 80'000;
  measured.run.overhead_ns = 20'000;
  measured.num_runs = 3;
  return measured;
}

TEST(PlanTextTest, ShowsWhatWasMeasuredBesideTheEstimates) {
  const MeasuredPlan measured = SmallMeasurement();
  const std::string text = PlanText(SmallPlan(), /*threads=*/2, &measured);
  EXPECT_EQ(text.substr(0, text.find("\ntasks:")),
            "node         op           pieces              tasks  µs      measured  ratio\n"
            "-----------  -----------  ------------------  -----  ------  --------  -----\n"
            "z            MatMul       2 panels of 8 rows  2      60.000  66.000    1.10\n"
            "gradients/w  MatMul       2 tiles of 16       1      20.040  10.020    0.50\n"
            "mean         ReduceSum    2 parts of 256      2      10.000  8.001     0.80\n"
            "mean         (JoinParts)  whole               1      10.000  0.000     0.00\n");
  EXPECT_EQ(text.substr(text.find("measured, ")),
            "measured, the fastest of 3 runs\n"
            "work: 90.0 µs\n"
            "critical path: 60.0 µs, so at best 1.5 times as fast as one thread\n"
            "one thread: 95.0 µs\n"
            "2 threads: 100.0 µs, 0.95 times as fast\n"
            "\n"
            "time of 2 threads                    µs     share\n"
            "-----------------------------------  -----  -------\n"
            "work, as long as on one thread       90.0   45.0 %\n"
            "work taking longer side by side      10.0   5.0 %\n"
            "waiting: no task could start         80.0   40.0 %\n"
            "overhead: a task could, but had not  20.0   10.0 %\n"
            "all                                  200.0  100.0 %\n"
            "\n"
            "thread  tasks  busy     idle\n"
            "------  -----  -------  -------\n"
            "0       3      100.0 %  0.0 %\n"
            "1       0      0.0 %    100.0 %\n");
}

TEST(PlanTextTest, OneThreadHasOverheadOnly) {
  MeasuredPlan measured = SmallMeasurement();
  measured.run = measured.alone;
  measured.run.workers = {{3, 90'000}};
  measured.run.overhead_ns = 3'800;
  const std::string text = PlanText(SmallPlan(), /*threads=*/1, &measured);
  EXPECT_EQ(text.substr(text.find("one thread: ")),
            "one thread: 95.0 µs\noverhead: 3.8 µs, 4.0 %\n");
}

TEST(PlanTextTest, AnEmptyPlanIsShownToo) {
  Plan plan = SmallPlan();
  plan.ops.clear();
  plan.tasks.clear();
  plan.work_ns = plan.critical_path_ns = 0;
  EXPECT_NE(PlanText(plan, /*threads=*/1).find("tasks: 0\nwork: 0.0 µs\ncritical path: 0.0 µs\n"),
            std::string::npos);
  EXPECT_EQ(ShareNotCut(plan), 0);
}

}  // namespace
}  // namespace flowgrad
