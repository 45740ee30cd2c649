#include "scheduler/step_order.h"

#include <algorithm>
#include <utility>

namespace flowgrad {
namespace {

// What is left of the steps that the gate waits for.
class BeforeGate {
 public:
  explicit BeforeGate(const Draft& draft) : steps_(draft.steps), left_(draft.steps.size()) {
    if (draft.gate < 0) return;
    std::vector<int32_t> open = {draft.gate};
    while (!open.empty()) {
      const int32_t step = open.back();
      open.pop_back();
      for (const int32_t before : steps_[step].before) {
        if (left_[before]) continue;
        left_[before] = true;
        left_ns_ += steps_[before].cost_ns;
        open.push_back(before);
      }
    }
  }

  void Done(int32_t step) {
    if (left_[step]) left_ns_ -= steps_[step].cost_ns;
    left_[step] = false;
  }
  bool Has(int32_t step) const { return left_[step]; }
  double left_ns() const { return left_ns_; }

 private:
  const std::vector<DraftStep>& steps_;
  std::vector<bool> left_;  // by step
  double left_ns_ = 0;
};

// Each step when the first of its readers needs it, from the last readers back.
class ReadersFirst {
 public:
  ReadersFirst(const Draft& draft, const std::vector<std::vector<int32_t>>& successors)
      : draft_(draft), successors_(successors), seen_(draft.steps.size()), before_gate_(draft) {}

  std::vector<int32_t> Order() {
    for (size_t last = 0; last < seen_.size(); ++last) {
      if (!successors_[last].empty() || seen_[last]) continue;
      Open(static_cast<int32_t>(last));
      while (!open_.empty()) Visit();
    }
    return std::move(order_);
  }

 private:
  void Open(int32_t step) {
    seen_[step] = true;
    open_.emplace_back(step, 0);
  }

  void Visit() {
    auto& [step, visited] = open_.back();
    const std::vector<int32_t>& before = draft_.steps[step].before;
    if (visited < before.size()) {
      const int32_t next = before[visited++];
      if (!seen_[next]) Open(next);
      return;
    }
    order_.push_back(step);
    before_gate_.Done(step);
    open_.pop_back();
    if (draft_.gate >= 0 && !seen_[draft_.gate] && GateIsNear()) Open(draft_.gate);
  }

  // Whether little is left to do before the gate, and nothing of it is under way.
  bool GateIsNear() const {
    return before_gate_.left_ns() <= draft_.options->task_ns &&
           std::none_of(open_.rbegin(), open_.rend(),
                        [this](const auto& step) { return before_gate_.Has(step.first); });
  }

  const Draft& draft_;
  const std::vector<std::vector<int32_t>>& successors_;
  std::vector<bool> seen_;
  std::vector<std::pair<int32_t, size_t>> open_;  // step, how many before it were visited
  std::vector<int32_t> order_;
  BeforeGate before_gate_;
};

std::vector<int32_t> RandomOrder(const Draft& draft,
                                 const std::vector<std::vector<int32_t>>& successors) {
  std::vector<int32_t> waiting, ready, order;
  for (const DraftStep& step : draft.steps) {
    waiting.push_back(static_cast<int32_t>(step.before.size()));
  }
  for (size_t s = 0; s < draft.steps.size(); ++s) {
    if (waiting[s] == 0) ready.push_back(static_cast<int32_t>(s));
  }
  while (!ready.empty()) {
    std::swap(ready[(*draft.random)() % ready.size()], ready.back());
    const int32_t step = ready.back();
    ready.pop_back();
    order.push_back(step);
    for (const int32_t next : successors[step]) {
      if (--waiting[next] == 0) ready.push_back(next);
    }
  }
  return order;
}

}  // namespace

std::vector<int32_t> OrderSteps(const Draft& draft,
                                const std::vector<std::vector<int32_t>>& successors) {
  return draft.random != nullptr ? RandomOrder(draft, successors)
                                 : ReadersFirst(draft, successors).Order();
}

}  // namespace flowgrad
