// Records when the tasks and steps of runs ran, and writes it as a Chrome trace, for people
// (docs/tracing.md).

#ifndef FLOWGRAD_SCHEDULER_TRACE_H_
#define FLOWGRAD_SCHEDULER_TRACE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "scheduler/plan.h"
#include "scheduler/run_state.h"

namespace flowgrad {

enum class TraceGrain : uint8_t {
  kTasks,  // two looks at the clock per task
  kSteps,  // and one per step
};

// Of the first runs, as many as there is room for; the later ones are only counted. Asks for no
// memory while runs go on, but for a first run that is larger than all there is room for.
//
// Thread-compatible: the runs must come one after the other, each on as many threads as it likes.
class Tracer : public StepObserver {
 public:
  // An event is a run, a task or a step; one takes about 200 bytes of a file.
  static constexpr int64_t kMostEvents = 100'000;

  // Nanoseconds since the tracer was made.
  struct TaskTime {
    int64_t start_ns = -1, end_ns = -1;  // -1: it did not run
    int32_t worker = 0;
  };
  struct RecordedRun {
    std::shared_ptr<const Plan> plan;
    int64_t start_ns = 0, end_ns = 0;
    absl::Span<TaskTime> tasks;
    // Each step begins where the one before it in its task ends. -1: it did not run. Empty at the
    // grain of tasks.
    absl::Span<int64_t> step_ends_ns;
  };

  explicit Tracer(TraceGrain grain, int64_t most_events = kMostEvents);

  const std::vector<RecordedRun>& runs() const { return runs_; }
  int64_t num_runs() const { return num_runs_; }  // with those not recorded
  bool full() const { return num_runs_ > static_cast<int64_t>(runs_.size()); }

  // In the JSON of Chrome's trace events: one process, `name`, with a thread for each worker and
  // one that shows runs; times in microseconds.
  std::string ChromeTrace(absl::string_view name) const;

  bool sees_steps() const override { return grain_ == TraceGrain::kSteps; }
  void BeforeRun(const std::shared_ptr<const Plan>& plan) override;
  void AfterRun(const Plan& plan) override;
  void BeforeTask(const Plan& plan, int task, int worker) override;
  void AfterTask(const Plan& plan, int task, int worker) override;
  absl::Status AfterStep(const Plan& plan, int step, const KernelContext& context) override;

 private:
  int64_t Now() const;

  const TraceGrain grain_;
  const int64_t origin_ns_;
  std::vector<TaskTime> tasks_;
  std::vector<int64_t> step_ends_ns_;
  size_t used_tasks_ = 0, used_steps_ = 0;
  int64_t room_;  // for so many events more
  std::vector<RecordedRun> runs_;
  RecordedRun* run_ = nullptr;  // the one under way, if it is recorded
  int64_t num_runs_ = 0;
};

// What a step reads and writes, in bytes; what is broadcast counts once.
struct StepBytes {
  int64_t read = 0, written = 0;
};
StepBytes BytesOf(const Plan& plan, const Step& step);

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_TRACE_H_
