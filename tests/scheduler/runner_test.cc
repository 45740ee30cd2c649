// A runner keeps a plan for each combination of shapes, over one store of states.

#include "scheduler/runner.h"

#include <thread>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "ops/functions.h"
#include "tests/scheduler/planned_graphs.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tensors.h"

namespace flowgrad {
namespace {

class RunnerTest : public testing::Test {
 protected:
  RunnerTest() { store_.Set(mlp_.states); }

  // The same numbers for the first rows, whatever the batch.
  static TensorMap Feeds(int64_t batch) {
    Random random(3);
    TensorMap feeds;
    feeds["x"] = RandomTensor(DType::kFloat, {batch, 9}, -1, 1, random);
    feeds["labels"] = RandomTensor(DType::kInt64, {batch}, 0, 2, random);
    feeds["rate"] = Tensor::Scalar(0.1f);
    return feeds;
  }
  std::unique_ptr<Runner> MakeRunner(bool update_states, size_t most_plans = 16) {
    Runner::Options options;
    options.update_states = update_states;
    options.most_plans = most_plans;
    return std::make_unique<Runner>(mlp_.graph, mlp_.fetches, &store_, options);
  }

  PlannedGraph mlp_ = TrainStepOfMlp(/*batch=*/4, /*inputs=*/9, /*hidden=*/8, /*classes=*/3);
  StateStore store_;
};

TEST_F(RunnerTest, TrainsOnBatchesOfEverySizeOverTheSameStates) {
  TensorMap states;
  for (const auto& [name, tensor] : mlp_.states) states[name] = store_.Copy(name);
  const auto runner = MakeRunner(/*update_states=*/true);
  for (const int64_t batch : {32, 32, 17, 1, 32, 0}) {
    const auto expected = ReferenceRun(*mlp_.graph, Feeds(batch), states, mlp_.fetches, {}, true);
    const auto actual = runner->Run(Feeds(batch), StepValues());
    ASSERT_THAT(expected, IsOk());
    ASSERT_THAT(actual, IsOk());
    for (size_t f = 0; f < mlp_.fetches.size(); ++f) {
      EXPECT_EQ(BitDifference((*actual)[f], (*expected)[f]), "") << "batch " << batch;
    }
  }
  for (const auto& [name, tensor] : states) {
    EXPECT_EQ(BitDifference(*store_.Find(name), tensor), "") << name;
  }
}

TEST_F(RunnerTest, KeepsThePlansUsedLast) {
  const auto runner = MakeRunner(/*update_states=*/false, /*most_plans=*/2);
  const auto plan_for = [&](int64_t batch) { return *runner->PlanFor(Feeds(batch)); };
  const auto four = plan_for(4);
  plan_for(5);
  EXPECT_EQ(plan_for(4), four);
  plan_for(6);
  EXPECT_EQ(plan_for(4), four) << "5 was dropped";
  plan_for(5);
  plan_for(6);
  EXPECT_NE(plan_for(4), four);
}

TEST_F(RunnerTest, WritesIntoMemoryOfTheCaller) {
  const auto runner = MakeRunner(/*update_states=*/false);
  float loss = -1;
  std::vector<float> logits(12, -1);
  Tensor outputs[] = {Tensor::Borrow(DType::kFloat, {}, &loss),
                      Tensor::Borrow(DType::kFloat, {4, 3}, logits.data())};
  ASSERT_THAT(runner->Run(Feeds(4), absl::MakeSpan(outputs), StepValues()), IsOk());
  const auto expected = runner->Run(Feeds(4), StepValues());
  ASSERT_THAT(expected, IsOk());
  EXPECT_EQ(loss, static_cast<float>((*expected)[0].at(0)));
  for (int i = 0; i < 12; ++i) EXPECT_EQ(logits[i], static_cast<float>((*expected)[1].at(i)));
}

TEST_F(RunnerTest, ReadsFeedsOfAnyStrides) {
  const auto runner = MakeRunner(/*update_states=*/false);
  const auto expected = runner->Run(Feeds(4), StepValues());
  TensorMap feeds = Feeds(4);
  Tensor turned(DType::kFloat, {9, 4});
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 9; ++j) turned.set(j * 4 + i, feeds["x"].at(i * 9 + j));
  }
  feeds["x"] = turned.WithLayout({4, 9}, {1, 4}, 0);
  const auto actual = runner->Run(feeds, StepValues());
  ASSERT_THAT(actual, IsOk());
  EXPECT_EQ(BitDifference((*actual)[1], (*expected)[1]), "");
}

TEST_F(RunnerTest, SeveralThreadsReadAtOnce) {
  const auto runner = MakeRunner(/*update_states=*/false);
  std::vector<std::vector<Tensor>> expected;
  for (int64_t batch = 0; batch < 4; ++batch) {
    expected.push_back(*runner->Run(Feeds(batch), StepValues()));
  }
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const int64_t batch = (i + t) % 4;
        const auto actual = runner->Run(Feeds(batch), StepValues());
        ASSERT_THAT(actual, IsOk());
        EXPECT_EQ(BitDifference((*actual)[1], expected[batch][1]), "");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(RunnerTest, RefusesWhatDoesNotFit) {
  const auto runner = MakeRunner(/*update_states=*/false);
  const auto message = [&](const TensorMap& feeds) {
    return runner->Run(feeds, StepValues()).status();
  };
  TensorMap feeds = Feeds(4);
  feeds["lables"] = feeds["labels"];
  EXPECT_THAT(message(feeds), StatusIs(absl::StatusCode::kNotFound,
                                       "no input is named \"lables\"; did you mean \"labels\"?"));
  feeds = Feeds(4);
  feeds["labels"] = Tensor::Filled(DType::kInt64, {5}, 0);
  EXPECT_THAT(message(feeds),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "input \"labels\" is int64[5]: N is 5 here and 4 elsewhere"));
  feeds["labels"] = Tensor::Filled(DType::kFloat, {4}, 0);
  EXPECT_THAT(message(feeds), StatusIs(absl::StatusCode::kInvalidArgument,
                                       "input \"labels\" must be int64[N], but is float[4]"));
  feeds.erase("labels");
  EXPECT_THAT(message(feeds), StatusIs(absl::StatusCode::kInvalidArgument,
                                       "node \"labels\" (source): must be given a value"));
  Tensor outputs[] = {Tensor(DType::kFloat, {}), Tensor(DType::kFloat, {5, 3})};
  EXPECT_THAT(runner->Run(Feeds(4), absl::MakeSpan(outputs), StepValues()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "the tensor for \"logits\" must be float[4,3], row by row"));
  EXPECT_THAT(runner->Run(Feeds(4), absl::MakeSpan(outputs, 1), StepValues()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "a run gives 2 values, but there are 1 tensors for them"));
}

}  // namespace
}  // namespace flowgrad
