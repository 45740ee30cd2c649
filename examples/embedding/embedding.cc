// A program that has threads of its own, two of them, and trains on the same two.
//
// It throws balls through air, many at once, in a parallel_for of its own task_arena; a net learns
// how far they fly, in that arena too and on the memory the simulation writes. At the end the
// program prints how many threads there were.
//
//   bazel run //examples/embedding

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "flowgrad.h"
#include "flowgrad_tbb.h"
#include "oneapi/tbb/parallel_for.h"
#include "oneapi/tbb/task_arena.h"
#include "oneapi/tbb/task_scheduler_observer.h"

namespace {

using namespace flowgrad;  // NOLINT: an example

constexpr int kThreads = 2;
constexpr int kBalls = 512;
constexpr int kSteps = 300;

// Which threads were in an arena, whoever's work they did.
class ThreadsSeen : public tbb::task_scheduler_observer {
 public:
  explicit ThreadsSeen(tbb::task_arena& arena) : tbb::task_scheduler_observer(arena) {
    observe(true);
  }
  ~ThreadsSeen() override { observe(false); }
  void on_scheduler_entry(bool) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    ids_.insert(std::this_thread::get_id());
  }
  size_t count() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return ids_.size();
  }

 private:
  std::mutex mutex_;
  std::set<std::thread::id> ids_;
};

int ThreadsOfThisProcess() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("Threads:", 0) == 0) return std::stoi(line.substr(8));
  }
  return 0;
}

// Metres until a ball is down again: thrown at `speed` metres a second, with drag.
float Fly(float speed, float angle) {
  float x = 0, y = 0, vx = speed * std::cos(angle), vy = speed * std::sin(angle);
  constexpr float kTick = 5e-3f, kDrag = 0.01f;
  while (y >= 0) {
    const float drag = kDrag * std::hypot(vx, vy);
    vx -= kTick * drag * vx;
    vy -= kTick * (9.81f + drag * vy);
    x += kTick * vx;
    y += kTick * vy;
  }
  return x;
}

// What the simulation writes and the training reads: the same memory, every time.
struct Flights {
  std::array<float, 2 * kBalls> throws;  // speed and angle, from 0 to 1
  std::array<float, kBalls> distances;   // in units of 50 m
};

void Simulate(Flights& flights, int round) {
  tbb::parallel_for(0, kBalls, [&](int ball) {
    const int draw = round * kBalls + ball;
    const float speed = static_cast<float>(std::fmod(0.5 + draw * 0.7548776662466927, 1));
    const float angle = static_cast<float>(std::fmod(0.5 + draw * 0.5698402909980532, 1));
    flights.throws[2 * ball] = speed;
    flights.throws[2 * ball + 1] = angle;
    flights.distances[ball] = Fly(5 + 20 * speed, 0.2f + angle) / 50;
  });
}

absl::StatusOr<Graph> BuildNet() {
  GraphBuilder g;
  const Value throws = g.Input("throws", "float[N,2]"), far = g.Input("distances", "float[N,1]");
  const Value w1 = g.Parameter("w1", "float[2,64]", GlorotUniform());
  const Value b1 = g.Parameter("b1", "float[64]", Zeros());
  const Value w2 = g.Parameter("w2", "float[64,64]", GlorotUniform());
  const Value b2 = g.Parameter("b2", "float[64]", Zeros());
  const Value w3 = g.Parameter("w3", "float[64,1]", GlorotUniform());
  const Value h = Tanh(MatMul(Tanh(MatMul(throws, w1) + b1), w2) + b2);
  const Value error = MatMul(h, w3).As("answer") - far;
  g.Output(Call("ReduceMean", {error * error}, {{"keepdims", 0}}).As("loss"));
  return std::move(g).Build();
}

absl::Status TrainInArena() {
  tbb::task_arena arena(kThreads);
  ThreadsSeen seen(arena);
  SessionOptions options;
  options.workers = WorkersOf(arena);
  options.loss = "loss";
  options.optimizer = Optimizer::Adam(0.01);
  options.log = [](absl::string_view line) {
    std::printf("flowgrad: %.*s\n", static_cast<int>(line.size()), line.data());
  };
  ASSIGN_OR_RETURN(const Graph net, BuildNet());
  ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, Session::Make(net, options));

  static Flights flights;
  const TensorMap batch = {
      {"throws", Tensor::Borrow(DType::kFloat, {kBalls, 2}, flights.throws.data())},
      {"distances", Tensor::Borrow(DType::kFloat, {kBalls, 1}, flights.distances.data())}};
  absl::StatusOr<double> loss = 0.0;
  int most_threads = 0;
  for (int step = 0; loss.ok() && step < kSteps; ++step) {
    arena.execute([&] {
      Simulate(flights, step);
      loss = session->Step(batch);
    });
    most_threads = std::max(most_threads, ThreadsOfThisProcess());
    if (loss.ok() && step % 100 == 0) std::printf("loss %.5f\n", *loss);
  }
  RETURN_IF_ERROR(loss.status());
  std::printf("loss %.5f\n", *loss);
  ASSIGN_OR_RETURN(const std::string hash, session->WeightsHash());
  std::printf("weights_hash: %s\n", hash.c_str());
  std::printf("threads asked for: %d, in the arena: %zu, of the process: %d\n", kThreads,
              seen.count(), most_threads);
  return absl::OkStatus();
}

}  // namespace

int main() {
  const absl::Status status = TrainInArena();
  if (!status.ok()) std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return status.ok() ? 0 : 1;
}
