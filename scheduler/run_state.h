// One run of a plan at a time: memory, steps with pointers, the task graph.
//
// Made once, run many times; a run allocates nothing. Several run states of one plan, or of plans
// over the same states, may run at once by the rule of StateStore.

#ifndef FLOWGRAD_SCHEDULER_RUN_STATE_H_
#define FLOWGRAD_SCHEDULER_RUN_STATE_H_

#include <atomic>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ops/kernel.h"
#include "scheduler/plan.h"
#include "scheduler/state_store.h"
#include "scheduler/stream_choice.h"
#include "scheduler/task_graph.h"
#include "scheduler/workers.h"

namespace flowgrad {

class Failures;

// Looks at runs, their tasks and the steps of those, on whatever thread runs them.
class StepObserver {
 public:
  virtual ~StepObserver() = default;
  // False: steps run as if nobody looked. Asked when the observer is set.
  virtual bool sees_steps() const { return true; }
  virtual void BeforeRun(const std::shared_ptr<const Plan>& /*plan*/) {}
  virtual void AfterRun(const Plan& /*plan*/) {}
  // `worker` is from 0 to the number of threads less one; a worker runs one task at a time. A task
  // that the run does not come to, after an error, is not seen.
  virtual void BeforeTask(const Plan& /*plan*/, int /*task*/, int /*worker*/) {}
  virtual void AfterTask(const Plan& /*plan*/, int /*task*/, int /*worker*/) {}
  // An error is taken for the step's own, and the step does not run.
  virtual absl::Status BeforeStep(const Plan& /*plan*/, int /*step*/) { return absl::OkStatus(); }
  // An error is taken for the step's own. `context` is what its kernel was given.
  virtual absl::Status AfterStep(const Plan& /*plan*/, int /*step*/,
                                 const KernelContext& /*context*/) {
    return absl::OkStatus();
  }
};

class RunState {
 public:
  // Takes all memory that runs need. FailedPrecondition if `states` lacks a state of the plan, or
  // has it with another type. `states` must outlive the run state.
  static absl::StatusOr<std::unique_ptr<RunState>> Make(std::shared_ptr<const Plan> plan,
                                                        StateStore* states, const Workers& workers);
  ~RunState();
  RunState(const RunState&) = delete;
  RunState& operator=(const RunState&) = delete;

  const Plan& plan() const { return *plan_; }
  // Memory of this run state, beside the states.
  int64_t num_bytes() const;
  // Of a run state with so many workers: its blocks, which lie together (base/memory.h).
  static std::vector<int64_t> BlockBytes(const Plan& plan, int workers);
  // Beside that, what a plan and a run state of it, on so many threads, take to know every step.
  static int64_t TableBytes(const Plan& plan, int threads);

  // Runs the plan once. `inputs` are in the order of Plan::inputs, `outputs` in that of
  // Plan::outputs: memory of the caller, row by row, aligned to its elements; outputs overlap
  // nothing. Where `cancel` becomes true before the first state is written the run ends with
  // Cancelled.
  //
  // After an error the states are as they were. Errors name the node; of several the one of the
  // first node, and there of the first piece, whatever the threads did.
  absl::Status Run(absl::Span<const void* const> inputs, absl::Span<void* const> outputs,
                   const StepValues& values, const std::atomic<bool>* cancel = nullptr);

  // For tests: the arena, and the scratch memory of a worker.
  std::byte* arena() const;
  std::byte* scratch(int worker) const;

  // For traces and tests; null: nobody looks. It must outlive the runs.
  void set_observer(StepObserver* observer) {
    task_observer_ = observer;
    observer_ = observer != nullptr && observer->sees_steps() ? observer : nullptr;
  }

 private:
  RunState(std::shared_ptr<const Plan> plan, StateStore* states);
  void Bind();
  void BindCaller(absl::Span<const void* const> inputs, absl::Span<void* const> outputs);
  void SetPointer(int32_t operand, void* base);
  void* StateMemory(int32_t slot) const;
  KernelContext ContextOf(const Step& step) const;
  void RefreshCaches();
  void RunTaskGraph();
  void SetStreaming(bool streams);
  void RunTask(int32_t task, int worker);
  void RunSteps(const Task& task);
  void RunGuardedSteps(int32_t first, int32_t end);
  absl::Status RunObservedStep(int32_t step);
  void RunStep(int32_t step);
  void RunKernel(int32_t step);
  void PassGate();

  struct Memory;

  const std::shared_ptr<const Plan> plan_;
  StateStore* const states_;
  StepObserver* observer_ = nullptr;       // of steps
  StepObserver* task_observer_ = nullptr;  // of runs and tasks
  std::unique_ptr<Memory> memory_;
  std::unique_ptr<TaskGraph> task_graph_;  // null: the calling thread runs task by task
  const std::atomic<bool>* cancel_ = nullptr;
  StepValues values_;
  StreamChoice stream_choice_;
  int64_t cached_version_ = -1;  // of the states that the caches were made from
  std::unique_ptr<Failures> failures_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_RUN_STATE_H_
