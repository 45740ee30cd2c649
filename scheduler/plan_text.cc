#include "scheduler/plan_text.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/text.h"
#include "base/text_table.h"
#include "scheduler/plan_memory.h"

namespace flowgrad {
namespace {

std::string Microseconds(double ns) { return absl::StrFormat("%.1f", ns / 1000); }

std::string Pieces(const PlannedOp& op) {
  switch (op.cut) {
    case CutKind::kPanels:
      return absl::StrCat(op.num_steps, " panels of ", op.piece_size, " rows");
    case CutKind::kTiles:
      return absl::StrCat(op.num_steps, " tiles of ", op.piece_size);
    case CutKind::kParts:
      return absl::StrCat(op.num_steps, " parts of ", op.piece_size);
    case CutKind::kWhole:
      break;
  }
  return "whole";
}

// How many tasks each op has pieces in.
std::vector<int> TasksOfOps(const Plan& plan) {
  std::vector<int> tasks(plan.ops.size());
  std::vector<const Task*> last(plan.ops.size());
  for (const Task& task : plan.tasks) {
    for (int32_t s = task.first_step; s < task.end_step; ++s) {
      const int32_t op = plan.steps[s].op;
      if (op < 0 || last[op] == &task) continue;
      last[op] = &task;
      ++tasks[op];
    }
  }
  return tasks;
}

std::string OpTable(const Plan& plan, const MeasuredPlan* measured) {
  const std::vector<int> tasks = TasksOfOps(plan);
  std::vector<std::string> head = {"node", "op", "pieces", "tasks", "µs"};
  if (measured != nullptr) head.insert(head.end(), {"measured", "ratio"});
  TextTable table(head);
  for (size_t o = 0; o < plan.ops.size(); ++o) {
    const PlannedOp& op = plan.ops[o];
    std::vector<std::string> row = {Escaped(op.name),
                                    op.added ? absl::StrCat("(", op.kind, ")") : op.kind,
                                    Pieces(op), absl::StrCat(tasks[o]), Microseconds(op.cost_ns)};
    if (measured != nullptr) {
      const double ns = measured->work.op_ns[o];
      row.back() = absl::StrFormat("%.3f", op.cost_ns / 1000);
      row.push_back(absl::StrFormat("%.3f", ns / 1000));
      row.push_back(op.cost_ns > 0 ? absl::StrFormat("%.2f", ns / op.cost_ns) : "");
    }
    table.AddRow(row);
  }
  return table.ToString();
}

std::string WorkText(double work_ns, double critical_path_ns) {
  std::string text = absl::StrCat("work: ", Microseconds(work_ns),
                                  " µs\ncritical path: ", Microseconds(critical_path_ns), " µs");
  if (critical_path_ns > 0) {
    absl::StrAppendFormat(&text, ", so at best %.1f times as fast as one thread",
                          work_ns / critical_path_ns);
  }
  return absl::StrCat(text, "\n");
}

std::string TaskText(const Plan& plan) {
  std::vector<double> costs;
  for (const Task& task : plan.tasks) costs.push_back(task.cost_ns);
  std::sort(costs.begin(), costs.end());
  std::string text = absl::StrCat("tasks: ", costs.size());
  if (!costs.empty()) {
    absl::StrAppend(&text, ", of ", Microseconds(costs.front()), " to ", Microseconds(costs.back()),
                    " µs, the median ", Microseconds(costs[costs.size() / 2]), " µs");
  }
  return absl::StrCat(text, "\n", WorkText(plan.work_ns, plan.critical_path_ns));
}

std::string Percent(double share) { return absl::StrFormat("%.1f %%", 100 * share); }

// Where the time of all workers goes in a run.
std::string TimeTable(const MeasuredPlan& measured) {
  const MeasuredRun& run = measured.run;
  const double all_ns = run.wall_ns * static_cast<double>(run.workers.size());
  TextTable table({absl::StrCat("time of ", run.workers.size(), " threads"), "µs", "share"});
  const auto add = [&](const char* what, double ns) {
    table.AddRow({what, Microseconds(ns), Percent(ns / all_ns)});
  };
  add("work, as long as on one thread", measured.work.work_ns);
  add("work taking longer side by side", run.busy_ns - measured.work.work_ns);
  add("waiting: no task could start", run.waiting_ns);
  add("overhead: a task could, but had not", run.overhead_ns);
  add("all", all_ns);
  return table.ToString();
}

std::string WorkerTable(const MeasuredRun& run) {
  TextTable table({"thread", "tasks", "busy", "idle"});
  for (size_t w = 0; w < run.workers.size(); ++w) {
    const double busy = run.workers[w].busy_ns / run.wall_ns;
    table.AddRow(
        {absl::StrCat(w), absl::StrCat(run.workers[w].tasks), Percent(busy), Percent(1 - busy)});
  }
  return table.ToString();
}

std::string MeasuredText(const MeasuredPlan& measured) {
  const double alone_ns = measured.alone.wall_ns, wall_ns = measured.run.wall_ns;
  std::string text = absl::StrCat("\nmeasured, the fastest of ", measured.num_runs,
                                  measured.num_runs == 1 ? " run" : " runs", "\n",
                                  WorkText(measured.work.work_ns, measured.work.critical_path_ns),
                                  "one thread: ", Microseconds(alone_ns), " µs\n");
  const size_t threads = measured.run.workers.size();
  if (threads == 1) {
    return absl::StrCat(text, "overhead: ", Microseconds(measured.run.overhead_ns), " µs, ",
                        Percent(measured.run.overhead_ns / wall_ns), "\n");
  }
  absl::StrAppendFormat(&text, "%d threads: %s µs, %.2f times as fast\n\n", threads,
                        Microseconds(wall_ns), alone_ns / wall_ns);
  return absl::StrCat(text, TimeTable(measured), "\n", WorkerTable(measured.run));
}

}  // namespace

double ShareNotCut(const Plan& plan) {
  double whole_ns = 0, work_ns = 0;
  for (const PlannedOp& op : plan.ops) {
    work_ns += op.cost_ns;
    if (op.cut == CutKind::kWhole) whole_ns += op.cost_ns;
  }
  return work_ns > 0 ? whole_ns / work_ns : 0;
}

std::string PlanText(const Plan& plan, int threads, const MeasuredPlan* measured) {
  return absl::StrCat(
      OpTable(plan, measured), "\n", TaskText(plan),
      absl::StrFormat("work outside panels, tiles and parts: %.1f %%\n\n", 100 * ShareNotCut(plan)),
      MemoryText(MemoryOf(plan, threads), plan, threads),
      measured == nullptr ? "" : MeasuredText(*measured));
}

}  // namespace flowgrad
