// What runs of a plan took, from a trace, and where the time of the workers went.

#ifndef FLOWGRAD_SCHEDULER_MEASURED_PLAN_H_
#define FLOWGRAD_SCHEDULER_MEASURED_PLAN_H_

#include <vector>

#include "scheduler/plan.h"
#include "scheduler/trace.h"

namespace flowgrad {

using RecordedRuns = std::vector<Tracer::RecordedRun>;

// Times of work: medians over runs.
struct MeasuredWork {
  std::vector<double> op_ns;    // by op: its steps
  std::vector<double> task_ns;  // by task
  double work_ns = 0;           // of all tasks
  // The longest chain of tasks that wait for each other.
  double critical_path_ns = 0;
};

// The fastest run: other programs only ever make one longer. While a worker runs no task, it waits
// if there is none that may start, and otherwise it is slow to begin it. All workers together:
//   wall_ns * workers = busy_ns + waiting_ns + overhead_ns
struct MeasuredRun {
  struct Worker {
    int tasks = 0;
    double busy_ns = 0;
  };
  double wall_ns = 0;
  std::vector<Worker> workers;
  double busy_ns = 0, waiting_ns = 0, overhead_ns = 0;
};

struct MeasuredPlan {
  MeasuredWork work;  // on one thread
  MeasuredRun alone;  // on one thread
  MeasuredRun run;    // on all threads
  int num_runs = 0;   // on all threads
};

// `steps` and `tasks` are runs of one plan on one thread at either grain. A look at the
// clock after each step is taken off what ops took.
// REQUIRES: neither is empty
MeasuredWork WorkOf(const RecordedRuns& steps, const RecordedRuns& tasks);

// REQUIRES: `runs` is not empty, and all are of one plan
MeasuredRun FastestRun(const RecordedRuns& runs, int workers);

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_MEASURED_PLAN_H_
