// How the steps of a run fail together.

#ifndef FLOWGRAD_SCHEDULER_FAILURES_H_
#define FLOWGRAD_SCHEDULER_FAILURES_H_

#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>

#include "absl/status/status.h"
#include "scheduler/plan.h"

namespace flowgrad {

// What went wrong in a run, and whether it may still go on.
class Failures {
 public:
  void Clear() {
    phase_.store(Phase::kOpen, std::memory_order_relaxed);
    first_.store(kNone, std::memory_order_relaxed);
    status_ = absl::OkStatus();
  }

  void Add(int64_t order, const absl::Status& status) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (order >= first_.load(std::memory_order_relaxed)) return;
    status_ = status;
    first_.store(order, std::memory_order_relaxed);
  }

  // A step that comes before every failure so far still runs: it may fail too, and would be the one
  // to report.
  bool Skips(const Step& step) const {
    const int64_t first = first_.load(std::memory_order_relaxed);
    return first != kNone && (step.writes_state || step.order > first);
  }

  // From now on nothing runs, unless states may have been written already.
  void Stop() {
    Phase open = Phase::kOpen;
    phase_.compare_exchange_strong(open, Phase::kStopped);
  }
  // From now on states are written, and the run cannot be stopped.
  void Commit() {
    Phase open = Phase::kOpen;
    phase_.compare_exchange_strong(open, Phase::kCommitted);
  }
  bool stopped() const { return phase_.load(std::memory_order_relaxed) == Phase::kStopped; }
  bool committed() const { return phase_.load(std::memory_order_relaxed) == Phase::kCommitted; }
  bool any() const { return first_.load(std::memory_order_relaxed) != kNone; }

  absl::Status status() const {
    if (!status_.ok()) return status_;
    return stopped() ? absl::CancelledError("the run was cancelled") : absl::OkStatus();
  }

 private:
  enum class Phase { kOpen, kStopped, kCommitted };
  static constexpr int64_t kNone = std::numeric_limits<int64_t>::max();

  std::mutex mutex_;
  std::atomic<int64_t> first_ = kNone;
  std::atomic<Phase> phase_ = Phase::kOpen;
  absl::Status status_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_FAILURES_H_
