// Runs that fail, are cancelled, or go on side by side; and what the states are afterwards.

#include "scheduler/run_state.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "ops/functions.h"
#include "scheduler/planner.h"
#include "tests/scheduler/planned_graphs.h"
#include "tests/testing/delays.h"
#include "tests/testing/planned_run.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tensors.h"

namespace flowgrad {
namespace {

using testing::HasSubstr;

PlanOptions SmallestPieces() {
  PlanOptions options = SmallestTasks();
  options.min_rows = 1;
  return options;
}

std::unique_ptr<PlannedRun> Planned(const PlannedGraph& planned, const PlanOptions& options,
                                    int threads) {
  auto run = PlannedRun::Make(planned.graph, planned.feeds, planned.states, planned.fetches,
                              /*update_states=*/true, options, Workers(threads));
  EXPECT_THAT(run, IsOk());
  return *std::move(run);
}

TensorMap CopyOf(const TensorMap& tensors) {
  StateStore store;
  store.Set(tensors);
  TensorMap copy;
  for (const auto& [name, tensor] : tensors) copy[name] = store.Copy(name);
  return copy;
}

class FailAt : public StepObserver {
 public:
  explicit FailAt(int step) : step_(step) {}
  absl::Status BeforeStep(const Plan&, int step) override {
    return step == step_ ? absl::DataLossError(absl::StrCat("step ", step)) : absl::OkStatus();
  }

 private:
  const int step_;
};

TEST(StateStoreTest, WhatIsAddedTogetherLiesTogetherAndStays) {
  StateStore store;
  store.Set({{"m", Tensor::Filled(DType::kFloat, {100}, 1)},
             {"w", Tensor::Filled(DType::kFloat, {100}, 2)}});
  const std::byte* const m = store.Find("m")->bytes();
  const std::byte* const w = store.Find("w")->bytes();
  EXPECT_EQ(w - m, 448) << "at the next line but one";
  store.Take({{"v", Tensor::Filled(DType::kFloat, {100}, 3)},
              {"w", Tensor::Filled(DType::kFloat, {100}, 4)}});
  EXPECT_EQ(store.Find("m")->bytes(), m);
  EXPECT_EQ(store.Find("w")->bytes(), w);
  EXPECT_EQ(store.Find("m")->at(99), 1);
  EXPECT_EQ(store.Find("v")->at(99), 3);
  EXPECT_EQ(store.Find("w")->at(99), 4);
  store.Set({{"w", Tensor::Filled(DType::kDouble, {100}, 5)}});
  EXPECT_EQ(store.Find("w")->dtype(), DType::kDouble);
  EXPECT_EQ(store.Find("w")->at(99), 5);
}

#ifdef __SANITIZE_THREAD__
constexpr int kMostFailures = 20;
#else
constexpr int kMostFailures = 400;
#endif

// A step that fails before the gate leaves every state as it was. None of our kernels fails after
// it; should one do so all the same, the states are refused until they are set anew.
TEST(RunStateTest, AFailureOfAnyStepLeavesTheStatesOrIsTold) {
  for (const PlannedGraph& planned : SmallGraphs()) {
    for (const int threads : {1, 3}) {
      const auto run = Planned(planned, SmallestPieces(), threads);
      const Plan& plan = run->plan();
      // Of plans of thousands of steps, some; the train step of the net is tried whole.
      const int num_steps = static_cast<int>(plan.steps.size());
      const int stride = planned.name == "mlp37" ? 1 : 1 + num_steps / kMostFailures;
      for (int step = 0; step < num_steps; step += stride) {
        FailAt observer(step);
        run->run_state().set_observer(&observer);
        const auto result = run->Run(planned.feeds, {});
        EXPECT_THAT(result, StatusIs(absl::StatusCode::kDataLoss, absl::StrCat("step ", step)));
        const bool broken = run->states().broken();
        EXPECT_FALSE(broken && plan.steps[step].can_fail) << planned.name << " step " << step;
        if (broken) {
          EXPECT_THAT(run->Run(planned.feeds, {}),
                      StatusIs(absl::StatusCode::kFailedPrecondition,
                               "the states are broken, because a step failed while it wrote them: "
                               "load weights first"));
          run->states().Set(planned.states);
          EXPECT_FALSE(run->states().broken());
        } else {
          EXPECT_EQ(StateDifference(run->states(), planned.states), "")
              << planned.name << " step " << step;
        }
      }
      run->run_state().set_observer(nullptr);
      EXPECT_THAT(run->Run(planned.feeds, {}), IsOk()) << "after all these failures";
    }
  }
}

// Two gathers fail, each at several rows.
PlannedGraph TwoBadLookUps() {
  PlannedGraph planned = MakePlanned("bad", 50, [](GraphBuilder& g) {
    const Value late = g.Input("late", "int64[N]"), early = g.Input("early", "int64[N]");
    const Value table = g.Parameter("table", "float[3,17]", Uniform(-1, 1));
    const Value first = Call("Gather", {table, early}).As("first");
    const Value second = Call("Gather", {table, late}).As("second");
    const Value sum = ReduceSum(Tanh(first) + second, {0}, /*keepdims=*/false);
    g.Update(table, table - Call("Expand", {sum, IntsConstant(g, {3, 17})}) * 0.1);
    g.Output(sum, "sum");
  });
  Tensor& early = planned.feeds["early"];
  Tensor& late = planned.feeds["late"];
  late.data<int64_t>()[2] = 5;
  early.data<int64_t>()[31] = -9;
  early.data<int64_t>()[44] = 8;
  return planned;
}

TEST(RunStateTest, ReportsTheFailureOfTheReferenceRun) {
  const PlannedGraph planned = TwoBadLookUps();
  TensorMap states = CopyOf(planned.states);
  const auto expected =
      ReferenceRun(*planned.graph, planned.feeds, states, planned.fetches, {}, true);
  ASSERT_THAT(expected,
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "node \"first\" (Gather): input \"indices\" must be from -3 to 2 to "
                       "match dim 0 of input \"data\", but is -9 at [31]"));
  for (uint64_t seed = 0; seed < 60; ++seed) {
    PlanOptions options;
    options.random_seed = seed;
    const auto run = Planned(planned, options, 1 + static_cast<int>(seed % 5));
    const auto result = run->Run(planned.feeds, {});
    EXPECT_EQ(result.status(), expected.status()) << "plan " << seed;
    EXPECT_EQ(StateDifference(run->states(), planned.states), "") << "plan " << seed;
    TensorMap good = planned.feeds;
    good["late"] = good["early"] = Tensor::Filled(DType::kInt64, {50}, 1);
    EXPECT_THAT(run->Run(good, {}), IsOk()) << "plan " << seed;
  }
}

// Sets the flag when a step of a number is about to run.
class CancelAt : public StepObserver {
 public:
  CancelAt(int step, std::atomic<bool>* cancel) : step_(step), cancel_(cancel) {}
  absl::Status BeforeStep(const Plan&, int step) override {
    if (step == step_) *cancel_ = true;
    return absl::OkStatus();
  }

 private:
  const int step_;
  std::atomic<bool>* const cancel_;
};

TEST(RunStateTest, ACancelledRunHasDoneAllOrNothing) {
  const PlannedGraph planned =
      TrainStepOfMlp(/*batch=*/37, /*inputs=*/23, /*hidden=*/19, /*classes=*/3);
  TensorMap after = CopyOf(planned.states);
  ASSERT_THAT(ReferenceRun(*planned.graph, planned.feeds, after, planned.fetches, {}, true),
              IsOk());
  for (const int threads : {1, 3}) {
    int cancelled = 0, done = 0;
    const auto run = Planned(planned, SmallestPieces(), threads);
    for (int step = 0; step < static_cast<int>(run->plan().steps.size()); step += 3) {
      run->states().Set(planned.states);
      std::atomic<bool> cancel = false;
      CancelAt observer(step, &cancel);
      run->run_state().set_observer(&observer);
      const auto result = run->Run(planned.feeds, {}, &cancel);
      if (result.ok()) {
        ++done;
        EXPECT_EQ(StateDifference(run->states(), after), "");
      } else {
        ++cancelled;
        EXPECT_THAT(result, StatusIs(absl::StatusCode::kCancelled, "the run was cancelled"));
        EXPECT_EQ(StateDifference(run->states(), planned.states), "");
      }
    }
    EXPECT_GT(cancelled, 0);
    EXPECT_GT(done, 0);
  }
}

TEST(RunStateTest, TwoRunsOfOnePlanGoOnAtOnce) {
  const PlannedGraph planned =
      TrainStepOfMlp(/*batch=*/64, /*inputs=*/40, /*hidden=*/48, /*classes=*/5);
  FedTypes types;
  for (const auto& [name, tensor] : planned.feeds) types[name] = tensor.type();
  const auto plan =
      MakePlan(planned.graph, types, planned.fetches, /*update_states=*/true, SmallestPieces());
  ASSERT_THAT(plan, IsOk());
  constexpr int kSteps = 20;
  TensorMap expected = CopyOf(planned.states);
  for (int step = 0; step < kSteps; ++step) {
    ASSERT_THAT(ReferenceRun(*planned.graph, planned.feeds, expected, {}, {.step = step}, true),
                IsOk());
  }
  StateStore stores[2];
  std::vector<std::thread> threads;
  const Workers workers(4);
  for (StateStore& store : stores) {
    store.Set(planned.states);
    threads.emplace_back([&] {
      const auto run = RunState::Make(*plan, &store, workers);
      ASSERT_THAT(run, IsOk());
      std::vector<const void*> inputs;
      for (const Plan::Slot& slot : (*plan)->inputs) {
        inputs.push_back(planned.feeds.at(planned.graph->inputs()[slot.index].name).bytes());
      }
      std::vector<Tensor> outputs;
      std::vector<void*> pointers;
      for (const Plan::Slot& slot : (*plan)->outputs) {
        outputs.emplace_back(slot.dtype, slot.dims);
        pointers.push_back(outputs.back().bytes());
      }
      for (int step = 0; step < kSteps; ++step) {
        ASSERT_THAT((*run)->Run(inputs, absl::MakeSpan(pointers), {.step = step}), IsOk());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(StateDifference(stores[0], expected), "");
  EXPECT_EQ(StateDifference(stores[1], expected), "");
}

// Packed weights are kept from run to run: they must follow weights that are loaded, and those that
// another plan has trained.
TEST(RunStateTest, PackedWeightsFollowTheWeights) {
  const PlannedGraph planned =
      TrainStepOfMlp(/*batch=*/80, /*inputs=*/40, /*hidden=*/48, /*classes=*/5);
  const auto run = Planned(planned, SmallestPieces(), /*threads=*/2);
  ASSERT_GT(run->plan().cache_bytes, 0);
  FedTypes types;
  for (const auto& [name, tensor] : planned.feeds) types[name] = tensor.type();
  const auto reader =
      MakePlan(planned.graph, types, planned.fetches, /*update_states=*/false, SmallestPieces());
  ASSERT_THAT(reader, IsOk());
  ASSERT_GT((*reader)->cache_bytes, 0);
  const auto reading = RunState::Make(*reader, &run->states(), Workers(2));
  ASSERT_THAT(reading, IsOk());
  std::vector<const void*> inputs;
  for (const Plan::Slot& slot : (*reader)->inputs) {
    inputs.push_back(planned.feeds.at(planned.graph->inputs()[slot.index].name).bytes());
  }
  TensorMap states = CopyOf(planned.states);
  for (int step = 0; step < 6; ++step) {
    if (step == 3) {  // back to the first weights
      states = CopyOf(planned.states);
      run->states().Set(states);
    }
    std::vector<Tensor> outputs;
    std::vector<void*> pointers;
    for (const Plan::Slot& slot : (*reader)->outputs) {
      outputs.emplace_back(slot.dtype, slot.dims);
      pointers.push_back(outputs.back().bytes());
    }
    const StepValues values = {.step = step};
    ASSERT_THAT((*reading)->Run(inputs, absl::MakeSpan(pointers), values), IsOk());
    ASSERT_THAT(run->Run(planned.feeds, values), IsOk());
    const auto expected =
        ReferenceRun(*planned.graph, planned.feeds, states, planned.fetches, values, true);
    ASSERT_THAT(expected, IsOk());
    for (size_t f = 0; f < planned.fetches.size(); ++f) {
      EXPECT_EQ(BitDifference(outputs[f], (*expected)[f]), "") << planned.fetches[f];
    }
    EXPECT_EQ(StateDifference(run->states(), states), "") << "after step " << step;
  }
}

// Large enough for their stores to go past the caches where there are several threads, in as many
// runs as it takes to try both ways.
TEST(RunStateTest, LargeWeightsHaveTheSameBitsOnAnyNumberOfThreads) {
  constexpr int kRuns = 2 * StreamChoice::kRunsOfTurn;
  for (const int batch : {24, 80}) {
    const PlannedGraph planned =
        TrainStepOfMlp(batch, /*inputs=*/403, /*hidden=*/301, /*classes=*/10);
    for (const int threads : {1, 2, 4}) {
      EXPECT_EQ(DifferenceFromReference(planned, kRuns, {}, threads), "")
          << "batch " << batch << ", " << threads << " threads";
    }
  }
}

// Where the kernels of each worker were told to begin.
class Entries : public StepObserver {
 public:
  void BeforeTask(const Plan&, int, int worker) override { worker_ = worker; }
  absl::Status AfterStep(const Plan&, int, const KernelContext& context) override {
    const std::lock_guard lock(mutex_);
    by_worker[worker_].insert(context.entry);
    return absl::OkStatus();
  }

  std::map<int, std::set<double>> by_worker;

 private:
  static thread_local int worker_;
  std::mutex mutex_;
};
thread_local int Entries::worker_ = 0;

TEST(RunStateTest, ThreadsBeginSharedInputsInDifferentPlaces) {
  const PlannedGraph planned =
      TrainStepOfMlp(/*batch=*/64, /*inputs=*/40, /*hidden=*/48, /*classes=*/5);
  for (const int threads : {1, 2, 4}) {
    Entries entries;
    const size_t least = std::min(threads, 2);
    for (int runs = 0; runs < 1000 && entries.by_worker.size() < least; ++runs) {
      EXPECT_EQ(DifferenceFromReference(planned, 2, SmallestPieces(), threads, &entries), "");
    }
    EXPECT_GE(entries.by_worker.size(), least);
    for (const auto& [worker, of_worker] : entries.by_worker) {
      EXPECT_EQ(of_worker, std::set<double>({static_cast<double>(worker) / threads}));
    }
  }
}

class ThreadsTest : public testing::TestWithParam<int> {};

TEST_P(ThreadsTest, GiveTheSameBitsWhateverDelaysThem) {
  const PlannedGraph planned =
      TrainStepOfMlp(/*batch=*/64, /*inputs=*/40, /*hidden=*/48, /*classes=*/5);
  int most = 0;
  for (uint64_t seed = 0; seed < 30 && (seed < 5 || most < GetParam()); ++seed) {
    Delays delays(seed);
    EXPECT_EQ(DifferenceFromReference(planned, 2, SmallestPieces(), GetParam(), &delays), "")
        << "seed " << seed;
    EXPECT_LE(delays.most_at_once(), GetParam());
    most = std::max(most, delays.num_threads());
  }
  EXPECT_GE(most, GetParam()) << "else the test has proved nothing";
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadsTest, testing::Values(1, 2, 3, 5, 8));

TEST(StateStoreTest, AdmitsOneWriterOrManyReaders) {
  StateStore store;
  {
    const StateStore::Access reader(&store, /*writes=*/false), second(&store, /*writes=*/false);
    EXPECT_THAT(reader.status(), IsOk());
    EXPECT_THAT(second.status(), IsOk());
    EXPECT_THAT(StateStore::Access(&store, /*writes=*/true).status(),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         "a run that reads the same states is under way: wait for its end"));
  }
  const StateStore::Access writer(&store, /*writes=*/true);
  EXPECT_THAT(writer.status(), IsOk());
  for (const bool writes : {false, true}) {
    EXPECT_THAT(StateStore::Access(&store, writes).status(),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         "a training step is under way on the same states: wait for its end"));
  }
}

TEST(RunStateTest, RefusesStatesOfAnotherType) {
  PlannedGraph planned = TrainStepOfMlp(/*batch=*/2, /*inputs=*/3, /*hidden=*/4, /*classes=*/2);
  planned.states["layer1/w"] = Tensor::Filled(DType::kFloat, {3, 5}, 0);
  const auto run = PlannedRun::Make(planned.graph, planned.feeds, planned.states, planned.fetches,
                                    /*update_states=*/true);
  EXPECT_THAT(run, StatusIs(absl::StatusCode::kFailedPrecondition,
                            "variable \"layer1/w\" must be float[3,4], but is float[3,5]"));
  planned.states.erase("layer1/w");
  EXPECT_THAT(PlannedRun::Make(planned.graph, planned.feeds, planned.states, planned.fetches,
                               /*update_states=*/true),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "variable \"layer1/w\" must be float[3,4], but has no value"));
}

}  // namespace
}  // namespace flowgrad
