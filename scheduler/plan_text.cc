#include "scheduler/plan_text.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/text.h"
#include "base/text_table.h"

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

std::string OpTable(const Plan& plan) {
  const std::vector<int> tasks = TasksOfOps(plan);
  TextTable table({"node", "op", "pieces", "tasks", "µs"});
  for (size_t o = 0; o < plan.ops.size(); ++o) {
    const PlannedOp& op = plan.ops[o];
    table.AddRow({Escaped(op.name), op.added ? absl::StrCat("(", op.kind, ")") : op.kind,
                  Pieces(op), absl::StrCat(tasks[o]), Microseconds(op.cost_ns)});
  }
  return table.ToString();
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
  absl::StrAppend(&text, "\nwork: ", Microseconds(plan.work_ns),
                  " µs\ncritical path: ", Microseconds(plan.critical_path_ns), " µs");
  if (plan.critical_path_ns > 0) {
    absl::StrAppendFormat(&text, ", so at best %.1f times as fast as one thread",
                          plan.work_ns / plan.critical_path_ns);
  }
  return absl::StrCat(text, "\n");
}

std::string MemoryText(const Plan& plan, int threads) {
  const int64_t states = StateBytes(plan), constants = ConstantBytes(plan);
  const int64_t workers = plan.tasks.size() > 1 ? threads : 1;
  const int64_t all =
      plan.arena_bytes + workers * plan.scratch_bytes + plan.cache_bytes + states + constants;
  return absl::StrCat("arena: ", plan.arena_bytes,
                      " bytes\nscratch of each worker: ", plan.scratch_bytes,
                      " bytes\npacked weights: ", plan.cache_bytes, " bytes\nstates: ", states,
                      " bytes\nconstants: ", constants, " bytes\nall with ", threads,
                      threads == 1 ? " thread: " : " threads: ", all, " bytes\n");
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

int64_t StateBytes(const Plan& plan) {
  int64_t bytes = 0;
  for (size_t s = 0; s < plan.reads_state.size(); ++s) {
    if (!plan.reads_state[s] && !plan.writes_state[s]) continue;
    const TensorType& type = plan.graph->type(plan.graph->states()[s].now);
    bytes += NumElements(KnownDims(type.shape)) * DTypeSize(type.dtype);
  }
  return bytes;
}

int64_t ConstantBytes(const Plan& plan) {
  int64_t bytes = 0;
  for (const Tensor& constant : plan.constants) bytes += constant.num_bytes();
  return bytes;
}

std::string PlanText(const Plan& plan, int threads) {
  return absl::StrCat(
      OpTable(plan), "\n", TaskText(plan), MemoryText(plan, threads),
      absl::StrFormat("work outside panels, tiles and parts: %.1f %%\n", 100 * ShareNotCut(plan)));
}

}  // namespace flowgrad
