// The tasks of a plan as a oneTBB flow graph: built once, fired run after run.

#ifndef FLOWGRAD_SCHEDULER_TASK_GRAPH_H_
#define FLOWGRAD_SCHEDULER_TASK_GRAPH_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "scheduler/plan.h"
#include "scheduler/workers.h"

namespace flowgrad {

// Which thread does what is left to the threads, but not to chance. A thread goes on with the next
// task of the panel that it has in its caches, and comes to what waits for all panels after that.
// Of many tasks that become ready at once, threads of even numbers begin at the plan's near end and
// those of odd numbers at its far end, whoever made them ready: what one of two threads wrote in a
// run, a chain's weights, it finds in its caches in the next.
class TaskGraph {
 public:
  // Runs a task, as the worker of that number, below Workers::threads(). Must not throw.
  using Body = std::function<void(int32_t task, int worker)>;

  // REQUIRES: workers.arena() != nullptr
  TaskGraph(const std::vector<Task>& tasks, const Workers& workers, Body body);
  ~TaskGraph();

  // Runs every task once, after those it waits for. Asks for no memory.
  void Run();

  // Of the graph of these tasks, about.
  static int64_t Bytes(const std::vector<Task>& tasks, int threads);

 private:
  struct Flow;

  void PreparePools(int worker);
  void PrepareAllPools();

  const size_t num_tasks_;
  const Workers workers_;
  const Body body_;
  // By worker: whether oneTBB has all the memory there that runs can need.
  std::vector<char> has_pools_;
  std::unique_ptr<Flow> flow_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_TASK_GRAPH_H_
