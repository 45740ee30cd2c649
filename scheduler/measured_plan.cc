#include "scheduler/measured_plan.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <utility>

namespace flowgrad {
namespace {

// REQUIRES: `values` is not empty
double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double WallNs(const Tracer::RecordedRun& run) {
  return static_cast<double>(run.end_ns - run.start_ns);
}

const Tracer::RecordedRun& Fastest(const RecordedRuns& runs) {
  return *std::min_element(runs.begin(), runs.end(),
                           [](const auto& a, const auto& b) { return WallNs(a) < WallNs(b); });
}

double TaskNs(const Tracer::TaskTime& task) {
  return static_cast<double>(task.end_ns - task.start_ns);
}

std::vector<double> TaskTimes(const RecordedRuns& runs) {
  std::vector<double> medians;
  for (size_t t = 0; t < runs[0].tasks.size(); ++t) {
    std::vector<double> times;
    for (const Tracer::RecordedRun& run : runs) times.push_back(TaskNs(run.tasks[t]));
    medians.push_back(Median(std::move(times)));
  }
  return medians;
}

// What a look at the clock takes.
double ClockNs() {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  Clock::time_point before = Clock::now();
  for (int i = 0; i < 1001; ++i) {
    const Clock::time_point after = Clock::now();
    times.push_back(std::chrono::duration<double, std::nano>(after - before).count());
    before = after;
  }
  return Median(std::move(times));
}

std::vector<double> StepTimes(const Tracer::RecordedRun& run) {
  std::vector<double> times(run.step_ends_ns.size());
  for (size_t t = 0; t < run.tasks.size(); ++t) {
    int64_t start_ns = run.tasks[t].start_ns;
    const Task& task = run.plan->tasks[t];
    for (int32_t s = task.first_step; s < task.end_step; ++s) {
      times[s] = static_cast<double>(run.step_ends_ns[s] - start_ns);
      start_ns = run.step_ends_ns[s];
    }
  }
  return times;
}

std::vector<double> OpTimes(const RecordedRuns& runs, double clock_ns) {
  const Plan& plan = *runs[0].plan;
  std::vector<std::vector<double>> times(plan.ops.size());  // by op and run
  for (const Tracer::RecordedRun& run : runs) {
    for (std::vector<double>& of_op : times) of_op.push_back(0);
    const std::vector<double> of_steps = StepTimes(run);
    for (size_t s = 0; s < plan.steps.size(); ++s) {
      if (plan.steps[s].op >= 0) times[plan.steps[s].op].back() += of_steps[s] - clock_ns;
    }
  }
  std::vector<double> medians;
  for (std::vector<double>& of_op : times)
    medians.push_back(std::max(0.0, Median(std::move(of_op))));
  return medians;
}

double LongestChain(const Plan& plan, const std::vector<double>& task_ns) {
  std::vector<double> finish_ns;
  double longest_ns = 0;
  for (size_t t = 0; t < plan.tasks.size(); ++t) {
    double start_ns = 0;
    for (const int32_t before : plan.tasks[t].before) {
      start_ns = std::max(start_ns, finish_ns[before]);
    }
    finish_ns.push_back(start_ns + task_ns[t]);
    longest_ns = std::max(longest_ns, finish_ns.back());
  }
  return longest_ns;
}

// Goes through the run in time and shares out what the workers that run no task do meanwhile.
void ShareIdleTime(const Tracer::RecordedRun& traced, MeasuredRun& run) {
  struct Change {
    int64_t at_ns;
    int may_start, running;
  };
  std::vector<Change> changes;
  for (size_t t = 0; t < traced.tasks.size(); ++t) {
    const Tracer::TaskTime& task = traced.tasks[t];
    int64_t ready_ns = traced.start_ns;
    for (const int32_t before : traced.plan->tasks[t].before) {
      ready_ns = std::max(ready_ns, traced.tasks[before].end_ns);
    }
    changes.push_back({ready_ns, 1, 0});
    changes.push_back({task.start_ns, -1, 1});
    changes.push_back({task.end_ns, 0, -1});
  }
  changes.push_back({traced.end_ns, 0, 0});
  std::stable_sort(changes.begin(), changes.end(),
                   [](const Change& a, const Change& b) { return a.at_ns < b.at_ns; });
  int may_start = 0, running = 0;
  int64_t now_ns = traced.start_ns;
  for (const Change& change : changes) {
    const auto ns = static_cast<double>(change.at_ns - now_ns);
    const int idle = static_cast<int>(run.workers.size()) - running;
    const int slow = std::min(idle, may_start);
    run.overhead_ns += slow * ns;
    run.waiting_ns += (idle - slow) * ns;
    may_start += change.may_start;
    running += change.running;
    now_ns = change.at_ns;
  }
}

}  // namespace

MeasuredWork WorkOf(const RecordedRuns& steps, const RecordedRuns& tasks) {
  MeasuredWork work;
  work.op_ns = OpTimes(steps, ClockNs());
  work.task_ns = TaskTimes(tasks);
  work.work_ns = std::accumulate(work.task_ns.begin(), work.task_ns.end(), 0.0);
  work.critical_path_ns = LongestChain(*tasks[0].plan, work.task_ns);
  return work;
}

MeasuredRun FastestRun(const RecordedRuns& runs, int workers) {
  const Tracer::RecordedRun& fastest = Fastest(runs);
  MeasuredRun run;
  run.wall_ns = WallNs(fastest);
  run.workers.resize(workers);
  for (const Tracer::TaskTime& task : fastest.tasks) {
    ++run.workers[task.worker].tasks;
    run.workers[task.worker].busy_ns += TaskNs(task);
    run.busy_ns += TaskNs(task);
  }
  ShareIdleTime(fastest, run);
  return run;
}

}  // namespace flowgrad
