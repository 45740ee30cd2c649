// Steps become tasks worth handing to a thread.
//
// Steps are taken in the order of OrderSteps(), so that a panel goes on through its layers. A step
// joins the task of a step it waits for, where everything else it waits for is an ancestor of that
// task: then joining delays nobody and can make no cycle. Small steps that wait for nothing go
// where they are read first; those that many read go into a task of their own that comes first.

#include <algorithm>
#include <queue>
#include <utility>

#include "scheduler/draft.h"
#include "scheduler/step_order.h"

namespace flowgrad {
namespace {

// In multiples of PlanOptions::piece_ns: what two steps may be joined to, and where tasks stop
// growing. An update joins its gradient up to there, which then starts late enough for both: what
// the update reads is still in the cache.
constexpr double kJoinedPieces = 1.5;
constexpr double kMostPieces = 4;
// In multiples of PlanOptions::task_ns: work that waits for a task and makes it worth ending it.
constexpr double kReadyTasks = 4;
// How many recent tasks a small step looks at.
constexpr int kRecentTasks = 4;
// A small step that waits for nothing joins its first reader if it has no more readers than this.
constexpr size_t kFewReaders = 4;
// With more tasks than this, telling which come before which costs too much; all becomes one.
constexpr size_t kMostTasks = 16384;

class TaskMaker {
 public:
  explicit TaskMaker(Draft& draft) : draft_(draft), steps_(draft.steps), options_(*draft.options) {
    successors_.resize(steps_.size());
    for (size_t s = 0; s < steps_.size(); ++s) {
      for (const int32_t before : steps_[s].before) {
        successors_[before].push_back(static_cast<int32_t>(s));
      }
    }
  }

  absl::Status Make() {
    const std::vector<int32_t> order = OrderSteps(draft_, successors_);
    if (!RespectsWaits(order)) return absl::InternalError("steps of a plan wait for each other");
    double work_ns = 0;
    for (const DraftStep& step : steps_) work_ns += step.cost_ns;
    draft_.task_of.assign(steps_.size(), -1);
    lazy_ns_.resize(steps_.size());
    if (draft_.random == nullptr && work_ns < options_.serial_ns) {
      PutAllIntoOne(order);
      return absl::OkStatus();
    }
    if (draft_.random == nullptr) PutShared(order);
    for (const int32_t step : order) {
      if (draft_.task_of[step] < 0 && !IsLazy(step)) Put(step);
      if (tasks_.size() <= kMostTasks) continue;
      PutAllIntoOne(order);
      return absl::OkStatus();
    }
    Number();
    return absl::OkStatus();
  }

 private:
  bool RespectsWaits(const std::vector<int32_t>& order) const {
    std::vector<bool> done(steps_.size());
    for (const int32_t step : order) {
      for (const int32_t before : steps_[step].before) {
        if (!done[before]) return false;
      }
      done[step] = true;
    }
    return order.size() == steps_.size();
  }

  bool IsSmall(int32_t step) const { return steps_[step].cost_ns <= options_.task_ns; }

  // Small whole ops that wait for nothing but such ops, and that many read: the learning rate made
  // ready, say. They come first, in one task.
  void PutShared(const std::vector<int32_t>& order) {
    std::vector<bool> shared(steps_.size());
    double sum_ns = 0;
    for (const int32_t step : order) {
      const bool whole = step != draft_.gate && draft_.cuts[steps_[step].op].axis < 0;
      bool fits = whole && !steps_[step].writes_state && successors_[step].size() > kFewReaders &&
                  sum_ns + steps_[step].cost_ns <= options_.task_ns;
      for (const int32_t before : steps_[step].before) fits = fits && shared[before];
      if (!fits) continue;
      shared[step] = true;
      sum_ns += steps_[step].cost_ns;
      if (tasks_.empty()) MakeTask({});
      Append(0, step);
    }
  }

  // Whether a step goes with its first reader: a small one that waits for nothing but such steps.
  // Asked of each step once, in order.
  bool IsLazy(int32_t step) {
    if (draft_.random != nullptr || step == draft_.gate) return false;
    if (successors_[step].empty() || successors_[step].size() > kFewReaders) return false;
    double sum_ns = steps_[step].cost_ns;
    for (const int32_t before : steps_[step].before) {
      if (draft_.task_of[before] >= 0) return false;
      sum_ns += lazy_ns_[before];
    }
    lazy_ns_[step] = sum_ns;
    return sum_ns <= options_.task_ns;
  }

  void PutAllIntoOne(const std::vector<int32_t>& order) {
    tasks_.assign(1, DraftTask());
    for (const int32_t step : order) Append(0, step);
    draft_.tasks = std::move(tasks_);
  }

  void Append(int32_t task, int32_t step) {
    draft_.task_of[step] = task;
    tasks_[task].steps.push_back(step);
    tasks_[task].cost_ns += steps_[step].cost_ns;
  }

  int32_t MakeTask(const std::vector<int32_t>& before) {
    tasks_.emplace_back();
    has_successors_.push_back(false);
    feeds_others_.push_back(false);
    start_ns_.push_back(0);
    const auto made = static_cast<int32_t>(tasks_.size()) - 1;
    for (const int32_t other : before) WaitFor(made, other);
    return made;
  }

  // REQUIRES: nobody waits for `task`
  void WaitFor(int32_t task, int32_t before) {
    tasks_[task].ancestors.AddAll(tasks_[before].ancestors);
    tasks_[task].ancestors.Add(before);
    tasks_[task].before.push_back(before);
    has_successors_[before] = true;
    start_ns_[task] = std::max(start_ns_[task], FinishNs(before));
  }

  // With any number of threads.
  double FinishNs(int32_t task) const { return start_ns_[task] + tasks_[task].cost_ns; }

  void Put(int32_t step) {
    std::vector<int32_t> before;
    const std::vector<int32_t> lazy = LazyBefore(step, before);
    std::sort(before.begin(), before.end(), std::greater<>());
    before.erase(std::unique(before.begin(), before.end()), before.end());
    int32_t task = step == draft_.gate ? -1 : FindTask(step, before);
    if (task < 0) {
      task = MakeTask(before);
    } else {
      for (const int32_t other : before) {
        if (other != task && !tasks_[task].ancestors.Has(other)) WaitFor(task, other);
      }
    }
    for (const int32_t other : lazy) Append(task, other);
    Append(task, step);
  }

  // Steps before `step` that are in no task yet, in order. The tasks of the others go to `tasks`.
  std::vector<int32_t> LazyBefore(int32_t step, std::vector<int32_t>& tasks) const {
    std::vector<int32_t> lazy, open = {step};
    while (!open.empty()) {
      const int32_t reader = open.back();
      open.pop_back();
      for (const int32_t before : steps_[reader].before) {
        if (draft_.task_of[before] >= 0) {
          tasks.push_back(draft_.task_of[before]);
        } else {
          lazy.push_back(before);
          open.push_back(before);
        }
      }
    }
    std::sort(lazy.begin(), lazy.end());
    lazy.erase(std::unique(lazy.begin(), lazy.end()), lazy.end());
    return lazy;
  }

  // A task that the step may join, or -1.
  int32_t FindTask(int32_t step, const std::vector<int32_t>& before) {
    const double cost_ns = steps_[step].cost_ns;
    const double most_ns = kMostPieces * options_.piece_ns;
    for (const int32_t task : before) {
      const double sum_ns = tasks_[task].cost_ns + cost_ns;
      bool fits = sum_ns <= kJoinedPieces * options_.piece_ns || IsSmall(step) ||
                  cost_ns <= tasks_[task].cost_ns / 4 || steps_[step].writes_state;
      fits = fits && (sum_ns <= most_ns || cost_ns <= options_.task_ns / 10);
      if (draft_.random != nullptr) fits = (*draft_.random)() % 3 != 0;
      const bool is_update = steps_[step].writes_state && tasks_[task].cost_ns > options_.task_ns;
      if (fits && MayJoin(task, before, is_update) && !HoldsUpOthers(task, step)) return task;
    }
    double ready_ns = 0;
    for (const int32_t task : before) ready_ns = std::max(ready_ns, FinishNs(task));
    const auto newest = static_cast<int32_t>(tasks_.size()) - 1;
    for (int32_t task = newest; task >= 0 && task > newest - kRecentTasks; --task) {
      bool fits = tasks_[task].cost_ns + cost_ns <= options_.task_ns &&
                  start_ns_[task] <= ready_ns + options_.task_ns;
      if (draft_.random != nullptr) fits = (*draft_.random)() % 8 == 0;
      if (fits && MayJoin(task, before)) return task;
    }
    return -1;
  }

  // Whether others, worth handing over, would wait for the step, which they do not read: behind a
  // loss, where nothing else can run and all threads go on, or behind a task that is short.
  bool HoldsUpOthers(int32_t task, int32_t step) {
    if (draft_.random != nullptr || steps_[step].cost_ns <= options_.task_ns / 10) return false;
    if (!feeds_others_[task]) {
      feeds_others_[task] = ReadyBehindNs(task, step) > kReadyTasks * options_.task_ns &&
                            (tasks_[task].cost_ns <= options_.task_ns || IsAlone(task));
    }
    return feeds_others_[task];
  }

  // The work of what can start once the task has run, but for `step`.
  double ReadyBehindNs(int32_t task, int32_t step) const {
    double ready_ns = 0;
    BitSet seen;
    for (const int32_t mine : tasks_[task].steps) {
      for (const int32_t next : successors_[mine]) {
        if (next == step || draft_.task_of[next] >= 0 || seen.Has(next)) continue;
        seen.Add(next);
        if (CanFollow(task, next)) ready_ns += steps_[next].cost_ns;
      }
    }
    return ready_ns;
  }

  // Whether a step waits for nothing but the task and its ancestors.
  bool CanFollow(int32_t task, int32_t step) const {
    for (const int32_t before : steps_[step].before) {
      const int32_t other = draft_.task_of[before];
      if (other < 0 || (other != task && !tasks_[task].ancestors.Has(other))) return false;
    }
    return true;
  }

  // Whether all tasks come before this one, but for such as are not worth handing over.
  bool IsAlone(int32_t task) const {
    double beside_ns = 0;
    for (int32_t other = 0; other < static_cast<int32_t>(tasks_.size()); ++other) {
      if (other != task && !tasks_[task].ancestors.Has(other)) beside_ns += tasks_[other].cost_ns;
    }
    return beside_ns <= options_.task_ns;
  }

  // Whether all of `before` are the task, or its ancestors, or may become such: nobody waits for
  // the task yet, and they are done about when it starts, or it may as well start later.
  bool MayJoin(int32_t task, const std::vector<int32_t>& before, bool may_delay = false) const {
    if (draft_.gate >= 0 && task == draft_.task_of[draft_.gate]) return false;
    for (const int32_t other : before) {
      if (other == task || tasks_[task].ancestors.Has(other)) continue;
      if (has_successors_[task]) return false;
      if (!may_delay && FinishNs(other) > start_ns_[task] + options_.task_ns) return false;
    }
    return true;
  }

  // Numbers the tasks in an order in which they may run, each as soon as the first of those before
  // it in the order they were made.
  void Number() {
    const size_t count = tasks_.size();
    std::vector<std::vector<int32_t>> successors(count);
    std::vector<int32_t> waiting(count), number(count), order;
    for (size_t t = 0; t < count; ++t) {
      waiting[t] = static_cast<int32_t>(tasks_[t].before.size());
      for (const int32_t before : tasks_[t].before) {
        successors[before].push_back(static_cast<int32_t>(t));
      }
    }
    std::priority_queue<int32_t, std::vector<int32_t>, std::greater<>> ready;
    for (size_t t = 0; t < count; ++t) {
      if (waiting[t] == 0) ready.push(static_cast<int32_t>(t));
    }
    while (!ready.empty()) {
      const int32_t task = ready.top();
      ready.pop();
      number[task] = static_cast<int32_t>(order.size());
      order.push_back(task);
      for (const int32_t next : successors[task]) {
        if (--waiting[next] == 0) ready.push(next);
      }
    }
    for (const int32_t old : order) {
      DraftTask task = std::move(tasks_[old]);
      for (int32_t& before : task.before) before = number[before];
      std::sort(task.before.begin(), task.before.end(), std::greater<>());
      task.before.erase(std::unique(task.before.begin(), task.before.end()), task.before.end());
      task.ancestors = BitSet();
      std::vector<int32_t> reduced;
      for (const int32_t before : task.before) {
        if (task.ancestors.Has(before)) continue;
        reduced.push_back(before);
        task.ancestors.AddAll(draft_.tasks[before].ancestors);
        task.ancestors.Add(before);
      }
      task.before = std::move(reduced);
      draft_.tasks.push_back(std::move(task));
    }
    for (int32_t& task : draft_.task_of) task = number[task];
  }

  Draft& draft_;
  const std::vector<DraftStep>& steps_;
  const PlanOptions& options_;
  std::vector<std::vector<int32_t>> successors_;
  std::vector<DraftTask> tasks_;  // as made; Number() orders them
  std::vector<bool> has_successors_;
  std::vector<bool> feeds_others_;  // by task: others wait for it, see HoldsUpOthers()
  std::vector<double> start_ns_;    // by task: with any number of threads
  std::vector<double> lazy_ns_;     // by lazy step: its work, and that of those before it
};

}  // namespace

absl::Status MakeTasks(Draft& draft) { return TaskMaker(draft).Make(); }

}  // namespace flowgrad
