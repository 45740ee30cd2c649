#include "scheduler/task_graph.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <thread>
#include <utility>

#include "oneapi/tbb/flow_graph.h"
#include "oneapi/tbb/task_arena.h"
#include "oneapi/tbb/task_group.h"

namespace flowgrad {
namespace {

// After so many, threads begin at different ends.
constexpr int kManyTasks = 4;

// oneTBB keeps a pool of tasks for each thread and a queue for each slot of an arena. Both grow
// when more tasks are in flight than ever before.
thread_local size_t tasks_of_thread = 0;
constexpr size_t kPooledTask = 256;  // a task in a pool and its place in a queue, in bytes

void GrowPools(size_t tasks) {
  tasks_of_thread = std::max(tasks_of_thread, tasks);
  tbb::this_task_arena::isolate([tasks] {
    tbb::task_group group;
    for (size_t i = 0; i < tasks; ++i) group.run([] {});
    group.wait();
  });
}

}  // namespace

struct TaskGraph::Flow {
  using Node = tbb::flow::continue_node<tbb::flow::continue_msg>;

  // A thread goes on with what it is given last, and others take what it is given first.
  static void Put(const std::vector<Node*>& falling, int worker) {
    const auto put = [](Node* node) { node->try_put(tbb::flow::continue_msg()); };
    if (worker % 2 == 0) {
      std::for_each(falling.begin(), falling.end(), put);
    } else {
      std::for_each(falling.rbegin(), falling.rend(), put);
    }
  }

  tbb::flow::graph graph;
  std::deque<Node> nodes;  // by task
  // In falling order: the tasks that wait for none, and by task those that wait for it, where they
  // are many. Few are at its edges.
  std::vector<Node*> first;
  std::vector<std::vector<Node*>> after;
};

TaskGraph::TaskGraph(const std::vector<Task>& tasks, const Workers& workers, Body body)
    : num_tasks_(tasks.size()),
      workers_(workers),
      body_(std::move(body)),
      has_pools_(workers.threads()) {
  const int32_t num_tasks = static_cast<int32_t>(num_tasks_);
  std::vector<int> num_after(num_tasks_);
  for (const Task& task : tasks) {
    for (const int32_t before : task.before) ++num_after[before];
  }
  const auto has_many = [&](int32_t task) { return num_after[task] >= kManyTasks; };
  workers_.arena()->execute([&] {
    flow_ = std::make_unique<Flow>();
    flow_->after.resize(num_tasks_);
    for (int32_t t = 0; t < num_tasks; ++t) {
      const std::vector<int32_t>& before = tasks[t].before;
      const int not_at_edges =
          static_cast<int>(std::count_if(before.begin(), before.end(), has_many));
      const auto run = [this, t](const tbb::flow::continue_msg&) {
        const int worker = tbb::this_task_arena::current_thread_index();
        PreparePools(worker);
        body_(t, worker);
        Flow::Put(flow_->after[t], worker);
      };
      flow_->nodes.emplace_back(flow_->graph, not_at_edges, run);
    }
    // In falling order too: a thread goes on with the task at the last edge.
    for (int32_t t = num_tasks - 1; t >= 0; --t) {
      for (const int32_t before : tasks[t].before) {
        if (has_many(before)) {
          flow_->after[before].push_back(&flow_->nodes[t]);
        } else {
          tbb::flow::make_edge(flow_->nodes[before], flow_->nodes[t]);
        }
      }
      if (tasks[t].before.empty()) flow_->first.push_back(&flow_->nodes[t]);
    }
    PrepareAllPools();
  });
}

TaskGraph::~TaskGraph() = default;

void TaskGraph::Run() {
  workers_.arena()->execute([this] {
    Flow::Put(flow_->first, tbb::this_task_arena::current_thread_index());
    flow_->graph.wait_for_all();
  });
}

int64_t TaskGraph::Bytes(const std::vector<Task>& tasks, int threads) {
  size_t edges = 0;
  for (const Task& task : tasks) edges += task.before.size();
  const size_t each = sizeof(Flow::Node) + sizeof(Flow::Node*) + sizeof(Flow::after[0]) +
                      static_cast<size_t>(threads) * kPooledTask;
  return static_cast<int64_t>(tasks.size() * each + edges * 2 * sizeof(void*));
}

// So that no later run asks for memory.
void TaskGraph::PreparePools(int worker) {
  if (has_pools_[worker] && tasks_of_thread >= num_tasks_) return;
  has_pools_[worker] = true;
  GrowPools(num_tasks_);
}

// Has as many threads as the arena grants come; those that are not here within milliseconds prepare
// their pools when they first come.
void TaskGraph::PrepareAllPools() {
  const int threads = workers_.threads();
  std::atomic<int> here = 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(5);
  tbb::task_group group;
  for (int i = 0; i < threads; ++i) {
    group.run([&] {
      PreparePools(tbb::this_task_arena::current_thread_index());
      ++here;
      while (here < threads && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::yield();
      }
    });
  }
  group.wait();
}

}  // namespace flowgrad
