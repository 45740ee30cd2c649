// Delays steps of plans, so that threads meet in other orders than they would.

#ifndef FLOWGRAD_TESTS_TESTING_DELAYS_H_
#define FLOWGRAD_TESTS_TESTING_DELAYS_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <set>
#include <thread>

#include "scheduler/run_state.h"

namespace flowgrad {

// Delays steps by a number drawn from a seed, and notes who runs them, and how many at once. A
// worker of oneTBB's may leave and another take its place, so there may be more of the former.
class Delays : public StepObserver {
 public:
  explicit Delays(uint64_t seed) : seed_(seed) {}
  absl::Status BeforeStep(const Plan&, int step) override {
    const int active = ++active_;
    const uint64_t draw = (seed_ + static_cast<uint64_t>(step) + 1) * 0x9e3779b97f4a7c15u >> 40;
    std::this_thread::sleep_for(std::chrono::microseconds(draw % 8 == 0 ? draw % 300 : 0));
    const std::lock_guard<std::mutex> lock(mutex_);
    threads_.insert(std::this_thread::get_id());
    most_at_once_ = std::max(most_at_once_, active);
    return absl::OkStatus();
  }
  absl::Status AfterStep(const Plan&, int, const KernelContext&) override {
    --active_;
    return absl::OkStatus();
  }
  int num_threads() const { return static_cast<int>(threads_.size()); }
  int most_at_once() const { return most_at_once_; }

 private:
  const uint64_t seed_;
  std::atomic<int> active_ = 0;
  std::mutex mutex_;
  int most_at_once_ = 0;
  std::set<std::thread::id> threads_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TESTS_TESTING_DELAYS_H_
