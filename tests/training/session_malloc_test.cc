// A session asks for no memory while it steps, and none for runs into memory of the caller.

#include "gtest/gtest.h"
#include "scheduler/trace.h"
#include "tests/testing/malloc_counter.h"
#include "tests/testing/status_matchers.h"
#include "tests/training/session_nets.h"
#include "training/session.h"

namespace flowgrad {
namespace {

constexpr int kWarmUp = 3;

// Calls for memory in 100 calls of `step`, after the warm-up.
template <class F>
int64_t CallsForMemory(F step) {
  for (int i = 0; i < kWarmUp; ++i) step();
  const CountMallocs counter;
  for (int i = 0; i < 100; ++i) step();
  return counter.count();
}

class SessionMallocTest : public testing::TestWithParam<int> {};

TEST_P(SessionMallocTest, StepsAskForNoMemoryAfterThree) {
  const Graph net = WideNet();
  const auto session = MakeSession(net, Training(GetParam()));
  const TensorMap batches[] = {BatchFor(net, 128, 1), BatchFor(net, 96, 2)};
  bool ok = true;
  const auto step = [&] {
    session->set_learning_rate(0.125 / (1 + static_cast<double>(session->step())));
    for (const TensorMap& batch : batches) ok = session->Step(batch).ok() && ok;
  };
  EXPECT_EQ(CallsForMemory(step), 0);
  EXPECT_TRUE(ok);
}

TEST_P(SessionMallocTest, TracedStepsAskForNone) {
  const Graph net = WideNet();
  Tracer tracer(TraceGrain::kSteps);
  SessionOptions options = Training(GetParam());
  options.observer = &tracer;
  const auto session = MakeSession(net, options);
  const TensorMap batch = BatchFor(net, 128, 1);
  bool ok = true;
  EXPECT_EQ(CallsForMemory([&] { ok = session->Step(batch).ok() && ok; }), 0);
  EXPECT_TRUE(ok);
  EXPECT_EQ(tracer.num_runs(), kWarmUp + 100);
  EXPECT_GE(tracer.runs().size(), 3u);
}

TEST_P(SessionMallocTest, RunsIntoTheCallersMemoryAskForNone) {
  const Graph net = WideNet();
  const auto session = MakeSession(net, Training(GetParam()));
  std::vector<float> x(128 * 64, 0.5f), logits(128 * 10);
  const TensorMap feeds = {{"x", Tensor::Borrow(DType::kFloat, {128, 64}, x.data())}};
  const std::vector<std::string> fetches = {"logits"};
  std::vector<Tensor> outputs = {Tensor::Borrow(DType::kFloat, {128, 10}, logits.data())};
  bool ok = true;
  const auto run = [&] { ok = session->Run(feeds, fetches, absl::MakeSpan(outputs)).ok() && ok; };
  EXPECT_EQ(CallsForMemory(run), 0);
  EXPECT_TRUE(ok);
}

INSTANTIATE_TEST_SUITE_P(Threads, SessionMallocTest, testing::Values(1, 2));

}  // namespace
}  // namespace flowgrad
