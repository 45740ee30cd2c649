// One at a time: whoever comes second is refused, not made to wait.

#ifndef FLOWGRAD_TRAINING_EXCLUSIVE_H_
#define FLOWGRAD_TRAINING_EXCLUSIVE_H_

#include <atomic>

#include "absl/status/status.h"

namespace flowgrad {

// Not a mutex: a thread that waits for its step may run another task, which tries again.
class [[nodiscard]] Exclusive {
 public:
  // FailedPrecondition if there is another one of `taken`.
  explicit Exclusive(std::atomic<bool>* taken) : taken_(taken), owns_(!taken->exchange(true)) {}
  ~Exclusive() {
    if (owns_) *taken_ = false;
  }
  Exclusive(const Exclusive&) = delete;
  Exclusive& operator=(const Exclusive&) = delete;

  absl::Status status() const {
    if (owns_) return absl::OkStatus();
    return absl::FailedPreconditionError(
        "a training step is under way on the same states: wait for its end");
  }

 private:
  std::atomic<bool>* const taken_;
  const bool owns_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_EXCLUSIVE_H_
