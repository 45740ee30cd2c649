// A oneTBB flow graph of kernels, right or with a data race in it: what shows that the thread
// sanitizer sees a race in the body of a node, and takes nothing else for one.
//
// usage: planted_race right|racing
//
// Two nodes that no edge orders write the halves of one tensor, and a third reads both. "racing"
// makes the halves overlap by one float. Exit code 3 if the two nodes cannot be brought to run at
// the same time, otherwise 0 or what the sanitizer makes of it.

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>

#include "absl/strings/string_view.h"
#include "oneapi/tbb/flow_graph.h"
#include "oneapi/tbb/global_control.h"
#include "oneapi/tbb/task_arena.h"
#include "ops/builtin_ops.h"
#include "ops/kernel.h"
#include "ops/tensor.h"

namespace flowgrad {
namespace {

using oneapi::tbb::flow::continue_msg;
using Node = oneapi::tbb::flow::continue_node<continue_msg>;

constexpr int kThreads = 4;
constexpr int kRuns = 100;
constexpr int64_t kElements = 512;

// Where two nodes wait for each other. Everything before it is ordered with everything after it,
// but nothing that the two do after it.
class Meeting {
 public:
  void Wait() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    const int last = (arrived_.fetch_add(1) / 2 + 1) * 2;
    while (arrived_.load() < last) {
      if (std::chrono::steady_clock::now() > deadline) std::_Exit(3);
    }
  }

 private:
  std::atomic<int> arrived_ = 0;
};

// y[begin:end] = tanh(x[begin:end]). The report of a race must name this function.
__attribute__((noinline)) void WritePart(const Tensor& x, const Tensor& y, int64_t begin,
                                         int64_t end) {
  const Tensor from = x.WithLayout({end - begin}, {1}, begin);
  const Tensor to = y.WithLayout({end - begin}, {1}, begin);
  const View inputs[] = {from.view()}, outputs[] = {to.view()};
  const int64_t origin[] = {begin};
  KernelContext context;
  context.inputs = inputs;
  context.outputs = outputs;
  context.origin = origin;
  if (!BuiltinOps().Find("Tanh")->kernel(DType::kFloat)(context).ok()) std::_Exit(1);
}

void Run(int64_t overlap) {
  const Tensor x = Tensor::Filled(DType::kFloat, {kElements}, 0.5);
  const Tensor y(DType::kFloat, {kElements}), z(DType::kFloat, {kElements});
  Meeting meeting;
  const auto body = [](std::function<void()> work) {
    return [work = std::move(work)](const continue_msg&) { work(); };
  };
  oneapi::tbb::flow::graph graph;
  oneapi::tbb::flow::broadcast_node<continue_msg> start(graph);
  Node first(graph, body([&] {
               meeting.Wait();
               WritePart(x, y, 0, kElements / 2 + overlap);
             }));
  Node second(graph, body([&] {
                meeting.Wait();
                WritePart(x, y, kElements / 2, kElements);
              }));
  Node both(graph, body([&] { WritePart(y, z, 0, kElements); }));
  make_edge(start, first);
  make_edge(start, second);
  make_edge(first, both);
  make_edge(second, both);
  for (int i = 0; i < kRuns; ++i) {
    start.try_put(continue_msg());
    graph.wait_for_all();
  }
}

}  // namespace
}  // namespace flowgrad

int main(int argc, char** argv) {
  const absl::string_view mode = argc == 2 ? argv[1] : "";
  if (mode != "right" && mode != "racing") return 2;
  // More threads than cores, so that the two nodes run at the same time on any machine.
  const oneapi::tbb::global_control threads(oneapi::tbb::global_control::max_allowed_parallelism,
                                            flowgrad::kThreads);
  oneapi::tbb::task_arena arena(flowgrad::kThreads);
  arena.execute([&] { flowgrad::Run(mode == "racing" ? 1 : 0); });
  return 0;
}
