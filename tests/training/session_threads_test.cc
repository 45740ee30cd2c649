// One session used by several threads, and several sessions at once.

#include <atomic>
#include <chrono>
#include <thread>

#include "gmock/gmock.h"
#include "graph/graph_builder.h"
#include "gtest/gtest.h"
#include "ops/functions.h"
#include "ops/op_registry.h"
#include "tests/testing/status_matchers.h"
#include "tests/training/session_nets.h"
#include "training/session.h"

namespace flowgrad {
namespace {

// The op Wait holds every thread that runs it while this is closed.
std::atomic<bool> closed = false;
std::atomic<int> inside = 0;

void PassGate() {
  if (!closed) return;
  ++inside;
  while (closed) std::this_thread::yield();
}

// Whether `count` threads came to the gate.
bool WaitForInside(int count) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (inside < count && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  return inside >= count;
}

absl::Status WaitGradient(GradientContext& context) {
  context.set_input_gradient(0, context.output_gradient());
  return absl::OkStatus();
}

TEST(SessionThreadsTest, SeveralSessionsStepAtOnceWithTheBitsOfOne) {
  const Graph net = WideNet();
  const auto hash_after = [&](int threads) {
    const auto session = MakeSession(net, Training(threads));
    for (int step = 0; step < 20; ++step) {
      EXPECT_THAT(session->Step(BatchFor(net, 32, step)), IsOk());
    }
    return HashOf(*session);
  };
  const std::string expected = hash_after(1);
  std::string hashes[4];
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] { hashes[i] = hash_after(1 + i % 2); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& hash : hashes) EXPECT_EQ(hash, expected);
}

TEST(SessionThreadsTest, SeveralSessionsShareWorkers) {
  const Graph net = WideNet();
  const SessionOptions options = Training(2);
  std::string hashes[2];
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      const auto session = MakeSession(net, options);
      for (int step = 0; step < 20; ++step) {
        EXPECT_THAT(session->Step(BatchFor(net, 32, step)), IsOk());
      }
      hashes[i] = HashOf(*session);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(hashes[0], hashes[1]);
}

TEST(SessionThreadsTest, ManyThreadsRunOneSession) {
  const Graph net = WideNet();
  const auto session = MakeSession(net, Training(2));
  const TensorMap feeds = {{"x", BatchFor(net, 32, 1)["x"]}};
  const auto expected = session->Run(feeds, {"logits"});
  ASSERT_THAT(expected, IsOk());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int run = 0; run < 50; ++run) {
        const auto logits = session->Run(feeds, {"logits"});
        ASSERT_THAT(logits, IsOk());
        EXPECT_EQ((*logits)[0].at(17), (*expected)[0].at(17));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// Runs and steps as others want them, through a kernel that waits.
class GatedSessionTest : public testing::Test {
 protected:
  void SetUp() override {
    RegisterBuiltinOps(registry_);
    registry_.Add(OpDef("Wait", {"X"}, {"Y"})
                      .Doc("Waits.", "%0")
                      .Elementwise(FloatTypes(),
                                   []<class T>(T x) {
                                     PassGate();
                                     return x;
                                   })
                      .Gradient(WaitGradient));
    ASSERT_THAT(registry_.status(), IsOk());
    GraphBuilder g(registry_);
    const Value x = g.Input("x", "float[]");
    const Value w = g.Parameter("w", "float[]", ConstantValue(1));
    const Value y = Call("Wait", {x * w}).As("y");
    g.Output(y);
    absl::StatusOr<Graph> graph = std::move(g).Build();
    ASSERT_THAT(graph, IsOk());
    SessionOptions options = Training();
    options.loss = "y";
    options.registry = &registry_;
    session_ = MakeSession(*graph, options);
    ASSERT_THAT(session_->Step(feeds_), IsOk());
    ASSERT_THAT(session_->Run(feeds_, {"y"}), IsOk());
    inside = 0;
    closed = true;
  }
  void TearDown() override { closed = false; }

  OpRegistry registry_;
  const TensorMap feeds_ = {{"x", Tensor::Scalar(2.0f)}};
  std::unique_ptr<Session> session_;
};

TEST_F(GatedSessionTest, TwoRunsAreUnderWayAtOnce) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] { EXPECT_THAT(session_->Run(feeds_, {"y"}), IsOk()); });
  }
  EXPECT_TRUE(WaitForInside(2));
  EXPECT_THAT(session_->Get("w"), IsOk());
  EXPECT_THAT(session_->SaveToBytes(), IsOk());
  constexpr char kBusy[] = "a run that reads the same states is under way: wait for its end";
  EXPECT_THAT(session_->Step(feeds_), StatusIs(absl::StatusCode::kFailedPrecondition, kBusy));
  EXPECT_THAT(session_->Set("w", Tensor::Scalar(1.0f)),
              StatusIs(absl::StatusCode::kFailedPrecondition, kBusy));
  EXPECT_THAT(session_->Freeze("w"), StatusIs(absl::StatusCode::kFailedPrecondition, kBusy));
  EXPECT_EQ(session_->step(), 1);
  closed = false;
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(session_->Step(feeds_), IsOk());
}

TEST_F(GatedSessionTest, NothingElseIsUnderWayWithAStep) {
  std::thread thread([&] { EXPECT_THAT(session_->Step(feeds_), IsOk()); });
  EXPECT_TRUE(WaitForInside(1));
  constexpr char kBusy[] = "a training step is under way on the same states: wait for its end";
  EXPECT_THAT(session_->Run(feeds_, {"y"}), StatusIs(absl::StatusCode::kFailedPrecondition, kBusy));
  EXPECT_THAT(session_->Step(feeds_), StatusIs(absl::StatusCode::kFailedPrecondition, kBusy));
  EXPECT_THAT(session_->Freeze("w"), StatusIs(absl::StatusCode::kFailedPrecondition, kBusy));
  EXPECT_THAT(session_->Get("w"), StatusIs(absl::StatusCode::kFailedPrecondition, kBusy));
  EXPECT_THAT(session_->WeightsHash(), StatusIs(absl::StatusCode::kFailedPrecondition, kBusy));
  EXPECT_THAT(session_->LoadFromBytes(*TensorsToBytes({{"w", Tensor::Scalar(1.0f)}}, {})),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "weights: a training step is under way on the same states: wait for its "
                       "end"));
  EXPECT_EQ(session_->states().size(), 2u);  // of w and its momentum: may be asked at any time
  EXPECT_GT(session_->num_bytes(), 0);
  closed = false;
  thread.join();
  EXPECT_EQ(session_->step(), 2);
}

}  // namespace
}  // namespace flowgrad
