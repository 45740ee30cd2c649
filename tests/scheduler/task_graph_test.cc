// Which tasks run, when, and on which thread.

#include "scheduler/task_graph.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "oneapi/tbb/global_control.h"
#include "oneapi/tbb/task_arena.h"
#include "scheduler/planner.h"
#include "tests/scheduler/planned_graphs.h"

namespace flowgrad {
namespace {

// Panels of several tasks, sums that wait for all panels, tiles that many of these make ready.
std::vector<Task> TasksOfMlp() {
  return PlanOf(TrainStepOfMlp(/*batch=*/64, 20, 16, 5), SmallestTasks())->tasks;
}

Task After(std::vector<int32_t> before) {
  Task task;
  task.before = std::move(before);
  return task;
}

// The order in which one thread, as that worker, runs tasks when no other comes.
std::vector<int32_t> OrderAlone(const std::vector<Task>& tasks, int worker) {
  const tbb::global_control no_others(tbb::global_control::max_allowed_parallelism, 1);
  tbb::task_arena arena(/*max_concurrency=*/2, /*reserved_for_masters=*/2);
  const auto run = [&] {
    std::vector<int32_t> order;
    TaskGraph graph(tasks, Workers::Of(arena), [&](int32_t task, int by) {
      EXPECT_EQ(by, worker);
      order.push_back(task);
    });
    graph.Run();
    return order;
  };
  if (worker == 0) return run();
  // Somebody else is worker 0, and asleep.
  std::promise<void> there, done;
  std::thread sleeper([&] {
    arena.execute([&] {
      there.set_value();
      done.get_future().wait();
    });
  });
  there.get_future().wait();
  std::vector<int32_t> order = run();
  done.set_value();
  sleeper.join();
  return order;
}

TEST(TaskGraphTest, AThreadGoesOnWithItsPanelAndLeavesForLaterWhatWaitsForAll) {
  // Panels of three tasks: 0 3 4, 1 5 6, 2 7 8. 9 waits for what 4, 6 and 8 wait for, too.
  const std::vector<Task> tasks = {After({}),  After({}),       After({}),  After({0}),
                                   After({3}), After({1}),      After({5}), After({2}),
                                   After({7}), After({3, 5, 7})};
  EXPECT_EQ(OrderAlone(tasks, 0), (std::vector<int32_t>{0, 3, 4, 1, 5, 6, 2, 7, 8, 9}));
}

TEST(TaskGraphTest, ThreadsOfOddNumbersBeginAtTheFarEnd) {
  const std::vector<Task> tasks = {After({}),  After({0}), After({0}), After({0}),
                                   After({0}), After({1}), After({4})};
  EXPECT_EQ(OrderAlone(tasks, 0), (std::vector<int32_t>{0, 1, 5, 2, 3, 4, 6}));
  EXPECT_EQ(OrderAlone(tasks, 1), (std::vector<int32_t>{0, 4, 6, 3, 2, 1, 5}));
}

TEST(TaskGraphTest, RunsEveryTaskOnceAfterThoseItWaitsForOnAnyNumberOfThreads) {
  const std::vector<Task> tasks = TasksOfMlp();
  for (const int threads : {2, 3, 5, 8}) {
    std::vector<std::atomic<int>> runs(tasks.size());
    std::atomic<int> too_early = 0, no_worker = 0;
    TaskGraph graph(tasks, Workers(threads), [&](int32_t task, int worker) {
      no_worker += worker < 0 || worker >= threads;
      for (const int32_t before : tasks[task].before) too_early += runs[before] <= runs[task];
      ++runs[task];
    });
    for (int i = 1; i <= 100; ++i) {
      graph.Run();
      for (size_t t = 0; t < tasks.size(); ++t) ASSERT_EQ(runs[t], i) << "task " << t;
    }
    EXPECT_EQ(too_early, 0);
    EXPECT_EQ(no_worker, 0);
  }
}

TEST(TaskGraphTest, OneThreadComesToAllTasksFromEitherEnd) {
  const std::vector<Task> tasks = TasksOfMlp();
  for (const int worker : {0, 1}) {
    std::vector<int32_t> order = OrderAlone(tasks, worker);
    std::sort(order.begin(), order.end());
    ASSERT_EQ(order.size(), tasks.size());
    for (size_t t = 0; t < tasks.size(); ++t) EXPECT_EQ(order[t], static_cast<int32_t>(t));
  }
}

}  // namespace
}  // namespace flowgrad
