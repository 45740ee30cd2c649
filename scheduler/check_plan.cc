#include "scheduler/check_plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "ops/fetch_ahead.h"

namespace flowgrad {
namespace {

// Bytes [begin, end) of one memory that an operand touches.
struct Access {
  int64_t begin, end;
  int32_t step, operand;
  bool writes;
};

// A memory: space, slot, and for scratch memory the task.
using Memory = std::tuple<Space, int32_t, int32_t>;

class Checker {
 public:
  explicit Checker(const Plan& plan) : plan_(plan), task_of_(plan.steps.size(), -1) {}

  absl::Status Check() {
    RETURN_IF_ERROR(CheckTasks());
    RETURN_IF_ERROR(CheckWrites());
    std::map<Memory, std::vector<Access>> memories;
    for (int32_t s = 0; s < static_cast<int32_t>(plan_.steps.size()); ++s) {
      const Step& step = plan_.steps[s];
      for (int32_t i = 0; i < step.num_inputs + step.num_outputs; ++i) {
        const Operand& operand = plan_.operands[step.operands + i];
        if (!operand.present || operand.space == Space::kNone) continue;
        const int32_t task = operand.space == Space::kScratch ? task_of_[s] : 0;
        AddRuns(s, step.operands + i, i >= step.num_inputs,
                memories[{operand.space, operand.slot, task}]);
      }
      RETURN_IF_ERROR(CheckSoon(s));
    }
    for (auto& [memory, accesses] : memories) {
      RETURN_IF_ERROR(CheckMemory(std::get<0>(memory), accesses));
    }
    return absl::OkStatus();
  }

 private:
  std::string StepText(int32_t s) const {
    const Step& step = plan_.steps[s];
    if (step.op < 0) return absl::StrCat("step ", s, " (the gate)");
    return absl::StrCat("step ", s, " of node \"", plan_.ops[step.op].name, "\" (",
                        plan_.ops[step.op].kind, ")");
  }

  absl::Status CheckTasks() {
    ancestors_.resize(plan_.tasks.size());
    for (size_t t = 0; t < plan_.tasks.size(); ++t) {
      const Task& task = plan_.tasks[t];
      for (int32_t s = task.first_step; s < task.end_step; ++s) {
        if (task_of_[s] >= 0)
          return absl::InternalError(absl::StrCat("step ", s, " is in two tasks"));
        task_of_[s] = static_cast<int32_t>(t);
      }
      ancestors_[t].resize(plan_.tasks.size());
      for (const int32_t before : task.before) {
        if (before < 0 || before >= static_cast<int32_t>(t)) {
          return absl::InternalError(absl::StrCat("task ", t, " waits for task ", before));
        }
        ancestors_[t][before] = true;
        for (int32_t a = 0; a < before; ++a) {
          if (ancestors_[before][a]) ancestors_[t][a] = true;
        }
      }
    }
    const auto left_out = std::find(task_of_.begin(), task_of_.end(), -1);
    if (left_out == task_of_.end()) return absl::OkStatus();
    return absl::InternalError(absl::StrCat(
        StepText(static_cast<int32_t>(left_out - task_of_.begin())), " is in no task"));
  }

  bool IsBefore(int32_t a, int32_t b) const {
    return task_of_[a] == task_of_[b] ? a < b : ancestors_[task_of_[b]][task_of_[a]];
  }

  absl::Status CheckWrites() {
    int32_t gate = -1;
    for (int32_t s = 0; s < static_cast<int32_t>(plan_.steps.size()); ++s) {
      if (plan_.steps[s].kernel == nullptr) gate = s;
    }
    for (int32_t s = 0; s < static_cast<int32_t>(plan_.steps.size()); ++s) {
      const Step& step = plan_.steps[s];
      if (step.writes_state && (gate < 0 || !IsBefore(gate, s))) {
        return absl::InternalError(absl::StrCat(StepText(s), " writes a state before the gate"));
      }
      if (step.can_fail && gate >= 0 && !IsBefore(s, gate)) {
        return absl::InternalError(absl::StrCat(StepText(s), " can fail after the gate"));
      }
      for (int32_t i = step.num_inputs; i < step.num_inputs + step.num_outputs; ++i) {
        const Operand& operand = plan_.operands[step.operands + i];
        if (operand.space == Space::kInput || operand.space == Space::kConstant) {
          return absl::InternalError(absl::StrCat(StepText(s), " writes an input or a constant"));
        }
        if (operand.space == Space::kState && !step.writes_state) {
          return absl::InternalError(absl::StrCat(StepText(s), " hides that it writes a state"));
        }
      }
    }
    return absl::OkStatus();
  }

  // Lines that hold bytes of operands of later steps in the task, and of what these write where
  // lines are fetched to be written.
  absl::Status CheckSoon(int32_t s) const {
    const Step& step = plan_.steps[s];
    for (int32_t i = step.first_soon; i < step.first_soon + step.num_soon; ++i) {
      const SoonTouched& soon = plan_.soon[i];
      std::vector<Access> touched;
      if (IsTouchedLater(s, soon.operand)) AddRuns(s, soon.operand, /*writes=*/false, touched);
      const std::vector<Access> written = WrittenLater(s, plan_.operands[soon.operand]);
      const int64_t begin = plan_.operands[soon.operand].offset + soon.offset;
      bool all = begin % kCacheLine == 0;
      for (int64_t l = 0; l < soon.lines && all; ++l) {
        const int64_t line = begin + l * kCacheLine;
        all = HasOfLine(touched, line) && (!soon.to_write || HasOfLine(written, line));
      }
      if (!all) {
        return absl::InternalError(absl::StrCat(StepText(s), " fetches lines that no later step ",
                                                "of its task ",
                                                soon.to_write ? "writes" : "touches"));
      }
    }
    return absl::OkStatus();
  }

  static bool HasOfLine(const std::vector<Access>& runs, int64_t line) {
    return std::any_of(runs.begin(), runs.end(), [&](const Access& run) {
      return line < run.end && run.begin < line + kCacheLine;
    });
  }

  // In the task of step s.
  bool IsTouchedLater(int32_t s, int32_t operand) const {
    for (int32_t t = s + 1; t < plan_.tasks[task_of_[s]].end_step; ++t) {
      const int32_t place = operand - plan_.steps[t].operands;
      if (place >= 0 && place < plan_.steps[t].num_inputs + plan_.steps[t].num_outputs) return true;
    }
    return false;
  }

  // In the task of step s, where the operand lies.
  std::vector<Access> WrittenLater(int32_t s, const Operand& operand) const {
    std::vector<Access> runs;
    for (int32_t t = s + 1; t < plan_.tasks[task_of_[s]].end_step; ++t) {
      const int32_t outputs = plan_.steps[t].operands + plan_.steps[t].num_inputs;
      for (int32_t o = outputs; o < outputs + plan_.steps[t].num_outputs; ++o) {
        const Operand& output = plan_.operands[o];
        if (output.space == operand.space && output.slot == operand.slot) {
          AddRuns(t, o, /*writes=*/true, runs);
        }
      }
    }
    return runs;
  }

  // The stretches of neighbouring bytes of an operand.
  void AddRuns(int32_t step, int32_t index, bool writes, std::vector<Access>& accesses) const {
    const Operand& operand = plan_.operands[index];
    const int64_t size = DTypeSize(operand.dtype);
    std::vector<std::pair<int64_t, int64_t>> dims;  // stride, size
    int64_t first = operand.offset;
    for (int d = 0; d < operand.rank; ++d) {
      const int64_t n = plan_.numbers[operand.dims + d];
      const int64_t stride = plan_.numbers[operand.dims + operand.rank + d] * size;
      if (n == 0) return;
      if (n == 1 || stride == 0) continue;
      if (stride < 0) first += stride * (n - 1);
      dims.emplace_back(std::abs(stride), n);
    }
    std::sort(dims.begin(), dims.end());
    int64_t run = size;
    size_t d = 0;
    for (; d < dims.size() && dims[d].first <= run; ++d)
      run += dims[d].first * (dims[d].second - 1);
    std::vector<int64_t> index_of(dims.size());
    while (true) {
      int64_t begin = first;
      for (size_t i = d; i < dims.size(); ++i) begin += index_of[i] * dims[i].first;
      accesses.push_back({begin, begin + run, step, index, writes});
      size_t i = d;
      while (i < dims.size() && ++index_of[i] == dims[i].second) index_of[i++] = 0;
      if (i == dims.size()) break;
    }
  }

  // Walks over the stretches of bytes that the same accesses touch.
  absl::Status CheckMemory(Space space, std::vector<Access>& accesses) {
    std::set<int64_t> borders;
    for (const Access& access : accesses) {
      borders.insert(access.begin);
      borders.insert(access.end);
    }
    std::sort(accesses.begin(), accesses.end(),
              [](const Access& a, const Access& b) { return a.begin < b.begin; });
    std::vector<Access> active;
    size_t next = 0;
    for (const int64_t border : borders) {
      active.erase(std::remove_if(active.begin(), active.end(),
                                  [&](const Access& a) { return a.end <= border; }),
                   active.end());
      for (; next < accesses.size() && accesses[next].begin == border; ++next) {
        active.push_back(accesses[next]);
      }
      for (const Access& access : active) {
        RETURN_IF_ERROR(CheckAccess(space, access, active));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CheckAccess(Space space, const Access& access, const std::vector<Access>& active) {
    const bool has_value =
        space == Space::kInput || space == Space::kConstant || space == Space::kState;
    bool written = has_value || access.writes;
    for (const Access& other : active) {
      if (other.operand == access.operand) continue;
      if (other.writes && other.step != access.step && IsBefore(other.step, access.step)) {
        written = true;
      }
      if (!access.writes && !other.writes) continue;
      if (other.step == access.step) {
        if (SameElements(access.operand, other.operand) && access.writes != other.writes) continue;
        return absl::InternalError(
            absl::StrCat(StepText(access.step), " writes what it reads, at byte ", access.begin));
      }
      if (IsBefore(access.step, other.step) || IsBefore(other.step, access.step)) continue;
      return absl::InternalError(absl::StrCat(StepText(access.step), " and ", StepText(other.step),
                                              " touch byte ", access.begin, " in no order"));
    }
    if (written) return absl::OkStatus();
    return absl::InternalError(
        absl::StrCat(StepText(access.step), " reads byte ", access.begin, " before it is written"));
  }

  bool SameElements(int32_t a, int32_t b) const {
    const Operand &x = plan_.operands[a], &y = plan_.operands[b];
    if (x.offset != y.offset || x.dtype != y.dtype || x.rank != y.rank) return false;
    for (int d = 0; d < x.rank; ++d) {
      const int64_t n = plan_.numbers[x.dims + d];
      if (n != plan_.numbers[y.dims + d]) return false;
      if (n > 1 && plan_.numbers[x.dims + x.rank + d] != plan_.numbers[y.dims + y.rank + d]) {
        return false;
      }
    }
    return true;
  }

  const Plan& plan_;
  std::vector<int32_t> task_of_;              // by step
  std::vector<std::vector<bool>> ancestors_;  // by task
};

}  // namespace

absl::Status CheckPlan(const Plan& plan) { return Checker(plan).Check(); }

}  // namespace flowgrad
