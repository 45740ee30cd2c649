// Runs one graph over a store of states, whatever the shapes of what is fed.
//
// A plan is made when a combination of shapes is first seen, and kept: the last, smaller batch of
// an epoch has a plan of its own over the same states.

#ifndef FLOWGRAD_SCHEDULER_RUNNER_H_
#define FLOWGRAD_SCHEDULER_RUNNER_H_

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "scheduler/bound_graph.h"
#include "scheduler/memory_limit.h"
#include "scheduler/plan_options.h"
#include "scheduler/reference_run.h"
#include "scheduler/run_state.h"
#include "scheduler/state_store.h"
#include "scheduler/workers.h"

namespace flowgrad {

// Threads: Run() may be called by several at once, by the rule of StateStore.
class Runner {
 public:
  struct Options {
    bool update_states = false;  // whether the states take their next values
    Workers workers{1};
    PlanOptions plan;
    MemoryLimit memory_limit = {};  // of a run, with its states: CheckMemoryLimit()
    size_t most_plans = 16;         // the one used least recently is dropped first
    // Told of each plan that is made, by the thread that asked for it; must not use the runner.
    std::function<void(const Plan&)> on_plan = {};
    StepObserver* observer = nullptr;  // of all runs; it must outlive the runner
    // Called before memory for a run of the plan is taken, by the thread that runs it. May
    // DropIdle().
    std::function<void(const Plan&)> make_room = {};
  };

  // `fetches` are names of values or outputs. `states` must outlive the runner and have every state
  // that is read or written. REQUIRES: "training_mode" is folded
  Runner(std::shared_ptr<const Graph> graph, std::vector<std::string> fetches, StateStore* states,
         Options options);
  ~Runner();

  const Graph& graph() const { return *graph_; }
  const std::vector<std::string>& fetches() const { return fetches_; }

  // One run. `feeds` gives inputs by name; those with a default value may be left out. A fetch is
  // written to the tensor of the same place in `outputs`: row by row, in the fetch's type, of
  // memory that no feed and no other output shares. Feeds that lie row by row are read where they
  // are; others are copied first. Nothing else is allocated once a shape has been seen.
  //
  // Errors as RunState::Run() says, and those of MakePlan() and CheckMemoryLimit().
  absl::Status Run(const TensorMap& feeds, absl::Span<Tensor> outputs, const StepValues& values,
                   const std::atomic<bool>* cancel = nullptr);
  // The same, into new tensors.
  absl::StatusOr<std::vector<Tensor>> Run(const TensorMap& feeds, const StepValues& values,
                                          const std::atomic<bool>* cancel = nullptr);

  // The plan for feeds of these shapes, made if there is none yet.
  absl::StatusOr<std::shared_ptr<const Plan>> PlanFor(const TensorMap& feeds);
  // Makes the plan for feeds of these types, all of whose dims are known. The states need not be
  // there yet. Errors: those of MakePlan() and CheckMemoryLimit().
  absl::Status PlanAhead(const FedTypes& types);
  // Gives back the memory of shapes that no run uses now. The plans stay.
  void DropIdle();
  // Bytes of all run states there are: arenas and the workers' scratch memory.
  int64_t num_bytes() const;

 private:
  struct Shapes;

  absl::StatusOr<std::shared_ptr<Shapes>> Find(const TensorMap& feeds);
  absl::StatusOr<std::shared_ptr<Shapes>> Add(const FedTypes& types);

  const std::shared_ptr<const Graph> graph_;
  const std::vector<std::string> fetches_;
  StateStore* const states_;
  const Options options_;
  mutable std::mutex mutex_;
  std::list<std::shared_ptr<Shapes>> shapes_;  // used most recently first
};

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_RUNNER_H_
