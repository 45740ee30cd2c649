// Watches the bytes behind the buffers of a plan that was made with PlanOptions::canaries: a step
// that writes past what it may is found, and the buffer named. For tests.
//
//   Canaries canaries(run_state);
//   run_state->Run(...);
//   EXPECT_OK(canaries.status());

#ifndef FLOWGRAD_TESTS_TESTING_CANARIES_H_
#define FLOWGRAD_TESTS_TESTING_CANARIES_H_

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "scheduler/plan.h"
#include "scheduler/run_state.h"

namespace flowgrad {

// Buffers of the arena share bytes over time, their guards too: those of a buffer are written
// before the first step that touches it, and looked at after every one that does. Values in a
// worker's scratch memory live within one task, and what kernels ask for there within one step.
class Canaries : public StepObserver {
 public:
  // Looks at the runs of `run` until it is destroyed, in place of another observer.
  explicit Canaries(RunState* run);
  ~Canaries() override { run_->set_observer(nullptr); }

  // Internal, once a guard was found changed: the first that was.
  absl::Status status() const;
  // Guards looked at so far.
  int64_t num_checks() const;

  void BeforeRun(const std::shared_ptr<const Plan>& plan) override;
  void BeforeTask(const Plan& plan, int task, int worker) override;
  absl::Status BeforeStep(const Plan& plan, int step) override;
  absl::Status AfterStep(const Plan& plan, int step, const KernelContext& context) override;

 private:
  struct Guard {
    Space space;
    int64_t offset;  // in bytes
    int32_t buffer;  // in Plan::buffers; -1: a value in scratch memory; -2: a kernel's
  };

  std::byte* Place(const Guard& guard, int step) const;
  std::string BufferText(const Plan& plan, const Guard& guard) const;

  RunState* const run_;
  std::vector<std::vector<Guard>> guards_;  // by step: of what it touches
  std::vector<int32_t> task_of_;            // by step
  std::vector<int> worker_of_;              // by task
  mutable std::mutex mutex_;
  std::vector<char> written_;  // by buffer: in this run
  absl::Status status_;
  int64_t num_checks_ = 0;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TESTS_TESTING_CANARIES_H_
