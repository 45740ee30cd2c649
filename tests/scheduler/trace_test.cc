// What a tracer records of runs, and the file that viewers read.

#include "scheduler/trace.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/scheduler/planned_graphs.h"
#include "tests/testing/planned_run.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

using nlohmann::json;

std::unique_ptr<PlannedRun> MakeRun(const PlannedGraph& planned, int threads) {
  PlanOptions smallest_tasks;
  smallest_tasks.task_ns = smallest_tasks.piece_ns = 1;
  smallest_tasks.serial_ns = 0;
  auto run = PlannedRun::Make(planned.graph, planned.feeds, planned.states, planned.fetches,
                              /*update_states=*/true, smallest_tasks, Workers(threads));
  EXPECT_THAT(run, IsOk());
  return *std::move(run);
}

void RunTraced(PlannedRun& run, const PlannedGraph& planned, int runs, Tracer& tracer) {
  run.run_state().set_observer(&tracer);
  for (int i = 0; i < runs; ++i) EXPECT_THAT(run.Run(planned.feeds, StepValues()), IsOk());
}

// The events of a category.
std::vector<json> Events(const json& trace, const std::string& category) {
  std::vector<json> events;
  for (const json& event : trace["traceEvents"]) {
    if (event.value("cat", "") == category) events.push_back(event);
  }
  return events;
}

// Times in nanoseconds.
int64_t Start(const json& event) {
  return static_cast<int64_t>(event["ts"].get<double>() * 1000 + 0.5);
}
int64_t End(const json& event) {
  return Start(event) + static_cast<int64_t>(event["dur"].get<double>() * 1000 + 0.5);
}

TEST(TracerTest, RecordsEveryTaskAndStepOfEachRunOnAnyNumberOfThreads) {
  const PlannedGraph mlp = TrainStepOfMlp(/*batch=*/24, 20, 16, 5);
  for (const int threads : {1, 2, 3}) {
    Tracer tracer(TraceGrain::kSteps);
    const auto run = MakeRun(mlp, threads);
    RunTraced(*run, mlp, 4, tracer);
    const json trace = json::parse(tracer.ChromeTrace("test"));
    const Plan& plan = run->plan();
    ASSERT_GT(plan.tasks.size(), 10u);
    const std::vector<json> tasks = Events(trace, "task"), steps = Events(trace, "step");
    EXPECT_EQ(Events(trace, "run").size(), 4u);
    EXPECT_EQ(tasks.size(), 4 * plan.tasks.size());
    EXPECT_EQ(steps.size(), 4 * plan.steps.size());
    // A thread does one thing at a time, and a step lies within a task of its thread.
    std::map<int, std::vector<json>> by_thread;
    for (const json& task : tasks) by_thread[task["tid"]].push_back(task);
    EXPECT_LE(by_thread.size(), static_cast<size_t>(threads));
    for (auto& [thread, mine] : by_thread) {
      std::sort(mine.begin(), mine.end(),
                [](const json& a, const json& b) { return Start(a) < Start(b); });
      for (size_t i = 1; i < mine.size(); ++i) EXPECT_LE(End(mine[i - 1]), Start(mine[i]));
    }
    for (const json& step : steps) {
      const std::vector<json>& mine = by_thread[step["tid"]];
      EXPECT_TRUE(std::any_of(mine.begin(), mine.end(), [&](const json& task) {
        return Start(task) <= Start(step) && End(step) <= End(task);
      })) << step;
    }
  }
}

TEST(TracerTest, TasksComeAfterThoseTheyWaitFor) {
  const PlannedGraph mlp = TrainStepOfMlp(/*batch=*/24, 20, 16, 5);
  Tracer tracer(TraceGrain::kTasks);
  const auto run = MakeRun(mlp, /*threads=*/3);
  RunTraced(*run, mlp, 10, tracer);
  for (const Tracer::RecordedRun& recorded : tracer.runs()) {
    for (size_t t = 0; t < recorded.tasks.size(); ++t) {
      const Tracer::TaskTime& task = recorded.tasks[t];
      EXPECT_LE(recorded.start_ns, task.start_ns);
      EXPECT_LE(task.start_ns, task.end_ns);
      EXPECT_LE(task.end_ns, recorded.end_ns);
      for (const int32_t before : recorded.plan->tasks[t].before) {
        EXPECT_LE(recorded.tasks[before].end_ns, task.start_ns);
      }
    }
  }
}

TEST(TracerTest, NamesProcessThreadsNodesOpsPiecesAndBytes) {
  const PlannedGraph rows = MakePlanned("rows", /*batch=*/16, [](GraphBuilder& g) {
    const Value x = g.Input("x", "float[N,8]"), b = g.Input("b", "float[8]");
    GraphBuilder::NodeSpec add;
    add.name = "x\\b";
    add.op = "Add";
    add.inputs = {x, b};
    g.Output(g.Add(std::move(add))[0], "y");
  });
  Tracer tracer(TraceGrain::kSteps);
  const auto run = MakeRun(rows, /*threads=*/1);
  RunTraced(*run, rows, 1, tracer);
  const json trace = json::parse(tracer.ChromeTrace("bench \"rows\".pbtxt"));
  std::vector<std::string> names;
  for (const json& event : trace["traceEvents"]) {
    if (event["ph"] != "M") continue;
    names.push_back(event["name"].get<std::string>() + " " +
                    event["args"]["name"].get<std::string>());
  }
  EXPECT_EQ(names, std::vector<std::string>({"process_name bench \"rows\".pbtxt",
                                             "thread_name runs", "thread_name worker 0"}));
  int64_t read = 0, written = 0;
  const std::vector<json> steps = Events(trace, "step");
  for (size_t s = 0; s < steps.size(); ++s) {
    EXPECT_EQ(steps[s]["name"], "x\\b");
    EXPECT_EQ(steps[s]["args"]["op"], "Add");
    read += steps[s]["args"]["bytes_read"].get<int64_t>();
    written += steps[s]["args"]["bytes_written"].get<int64_t>();
  }
  // Each piece reads its rows of x and all of b.
  EXPECT_EQ(written, 16 * 8 * 4);
  EXPECT_EQ(read, 16 * 8 * 4 + static_cast<int64_t>(steps.size()) * 8 * 4);
  if (steps.size() > 1) {
    EXPECT_EQ(steps[0]["args"]["piece"], "panel 1 of " + std::to_string(steps.size()));
  }
}

TEST(TracerTest, AtTheGrainOfTasksStepsAreNotLookedAt) {
  const PlannedGraph mlp = TrainStepOfMlp(/*batch=*/24, 20, 16, 5);
  Tracer tracer(TraceGrain::kTasks);
  EXPECT_FALSE(tracer.sees_steps());
  const auto run = MakeRun(mlp, /*threads=*/2);
  RunTraced(*run, mlp, 2, tracer);
  const json trace = json::parse(tracer.ChromeTrace("test"));
  EXPECT_EQ(Events(trace, "task").size(), 2 * run->plan().tasks.size());
  EXPECT_EQ(Events(trace, "step").size(), 0u);
}

TEST(TracerTest, RecordsTheFirstRunsThatThereIsRoomForAndCountsTheOthers) {
  const PlannedGraph mlp = TrainStepOfMlp(/*batch=*/24, 20, 16, 5);
  const auto run = MakeRun(mlp, /*threads=*/2);
  const auto events = static_cast<int64_t>(1 + run->plan().tasks.size() + run->plan().steps.size());
  Tracer two(TraceGrain::kSteps, 3 * events - 1);
  RunTraced(*run, mlp, 5, two);
  EXPECT_EQ(two.runs().size(), 2u);
  EXPECT_EQ(two.num_runs(), 5);
  EXPECT_TRUE(two.full());
  EXPECT_EQ(Events(json::parse(two.ChromeTrace("test")), "run").size(), 2u);
  Tracer larger_than_room(TraceGrain::kSteps, 1);
  RunTraced(*run, mlp, 2, larger_than_room);
  EXPECT_EQ(larger_than_room.runs().size(), 1u);
  EXPECT_EQ(Events(json::parse(larger_than_room.ChromeTrace("test")), "step").size(),
            run->plan().steps.size());
}

TEST(TracerTest, ATraceWithoutRunsIsATraceToo) {
  const json trace = json::parse(Tracer(TraceGrain::kSteps).ChromeTrace("test"));
  EXPECT_EQ(trace["traceEvents"].size(), 2u);
}

}  // namespace
}  // namespace flowgrad
