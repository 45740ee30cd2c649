// The weights hash after some steps of training is one and the same for the reference run and for
// any number of threads: every example, three seeds, a last batch that is smaller. Also with tasks
// so small that the tiniest graph becomes many, and with steps delayed at random.

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "graph/model_graph.h"
#include "graph/passes/passes.h"
#include "gtest/gtest.h"
#include "proto/model_file.h"
#include "scheduler/runner.h"
#include "tests/testing/delays.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/tensors.h"
#include "training/train_graph.h"
#include "training/weights_hash.h"

namespace flowgrad {
namespace {

// Rows of the batches, one a step.
constexpr int64_t kBatches[] = {23, 23, 9};

std::string HashOf(const TensorMap& states) {
  std::vector<NamedTensor> named;
  for (const auto& [name, tensor] : states) named.emplace_back(name, tensor);
  return WeightsHash(named);
}

// Numbers for inputs that have no value of their own.
TensorMap DrawFeeds(const Graph& graph, int64_t batch, uint64_t seed) {
  Random random(seed);
  TensorMap feeds;
  for (const GraphInput& input : graph.inputs()) {
    if (input.default_value.present()) continue;
    const TensorType& type = graph.type(input.value);
    Dims dims;
    for (const Dim& dim : type.shape) dims.push_back(dim.known() ? dim.value() : batch);
    const bool rate = input.name == kLearningRate;
    feeds[input.name] = RandomTensor(type.dtype, dims, 0, rate ? 0.1 : 1, random);
  }
  return feeds;
}

class EqualHashTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const auto def = ReadModelFile(GetParam());
    ASSERT_THAT(def, IsOk());
    const auto model = BuildGraph(def->graph());
    ASSERT_THAT(model, IsOk());
    // A model that updates its parameters itself is a train step already.
    bool updates = false;
    for (const State& state : model->states()) updates = updates || state.next.present();
    if (updates) {
      auto folded = FoldTrainingMode(*model, /*training=*/true);
      ASSERT_THAT(folded, IsOk());
      graph_ = std::make_shared<const Graph>(*std::move(folded));
      fetches_ = {"loss"};
      return;
    }
    auto train = BuildTrainGraph(*model, "loss", Optimizer::Adam(0.01));
    ASSERT_THAT(train, IsOk());
    graph_ = std::make_shared<const Graph>(std::move(train->graph));
    fetches_ = {train->loss};
  }

  void ReferenceSteps(uint64_t seed, TensorMap& states) const {
    StepValues values{.seed = seed};
    for (const int64_t batch : kBatches) {
      ASSERT_THAT(ReferenceRun(*graph_, DrawFeeds(*graph_, batch, seed + values.step), states,
                               fetches_, values, /*update_states=*/true),
                  IsOk());
      ++values.step;
    }
  }

  std::string HashByPlans(uint64_t seed, const PlanOptions& options, int threads,
                          StepObserver* observer = nullptr) const {
    StateStore store;
    store.Set(*InitializeStates(*graph_, seed));
    Runner::Options runner_options;
    runner_options.update_states = true;
    runner_options.workers = Workers(threads);
    runner_options.plan = options;
    runner_options.observer = observer;
    Runner runner(graph_, fetches_, &store, runner_options);
    StepValues values{.seed = seed};
    for (const int64_t batch : kBatches) {
      const auto result = runner.Run(DrawFeeds(*graph_, batch, seed + values.step), values);
      if (!result.ok()) return result.status().ToString();
      ++values.step;
    }
    return HashOf(store.tensors());
  }

  static PlanOptions SmallestTasks() {
    PlanOptions options;
    options.task_ns = options.piece_ns = 1;
    options.serial_ns = 0;
    options.min_rows = 1;
    return options;
  }

  std::shared_ptr<const Graph> graph_;
  std::vector<std::string> fetches_;
  std::map<int, int> threads_seen_;  // the most in a run, by threads asked for
};

TEST_P(EqualHashTest, OfTheReferenceRunAndAnyNumberOfThreads) {
  for (const uint64_t seed : {1, 2, 3}) {
    TensorMap states = *InitializeStates(*graph_, seed);
    const std::string before = HashOf(states);
    ReferenceSteps(seed, states);
    const std::string expected = HashOf(states);
    EXPECT_NE(expected, before) << "nothing was trained";
    for (const int threads : {1, 2, 3, 5, 8}) {
      EXPECT_EQ(HashByPlans(seed, PlanOptions(), threads), expected) << threads << " threads";
      Delays delays(seed);
      EXPECT_EQ(HashByPlans(seed, SmallestTasks(), threads, &delays), expected)
          << threads << " threads, smallest tasks";
      EXPECT_LE(delays.most_at_once(), threads);
      threads_seen_[threads] = std::max(threads_seen_[threads], delays.num_threads());
    }
  }
  // A chain of ops cannot use more than one; panels can.
  if (std::string(GetParam()) != "examples/fashion_mnist/mlp.pbtxt") return;
  for (const auto& [threads, seen] : threads_seen_) {
    EXPECT_GE(seen, threads) << "else the test has proved nothing";
  }
}

INSTANTIATE_TEST_SUITE_P(
    Examples, EqualHashTest,
    testing::Values("benchmarks/mlp_adam.pbtxt", "benchmarks/seed_mlp_batch1.pbtxt",
                    "benchmarks/wide16_branches.pbtxt", "examples/fashion_mnist/mlp.pbtxt",
                    "examples/lstm/lstm.pbtxt", "examples/modulo3/step.pbtxt",
                    "examples/rnn/rnn.pbtxt", "examples/rnn/rnn_step.pbtxt",
                    "examples/scalar_chain/scalar_chain.pbtxt",
                    "examples/sigmoid_layers/sigmoid_layers.pbtxt",
                    "examples/sigmoid_softmax/sigmoid_softmax.pbtxt", "examples/slips/lstm.pbtxt",
                    "examples/slips/rnn.pbtxt", "examples/slips/sigmoid_layers.pbtxt",
                    "examples/two_sigmoid_layers/step.pbtxt",
                    "examples/two_sigmoid_layers/two_sigmoid_layers.pbtxt"),
    [](const testing::TestParamInfo<const char*>& info) {
      std::string name = info.param;
      for (char& c : name) c = c == '/' || c == '.' ? '_' : c;
      return name;
    });

}  // namespace
}  // namespace flowgrad
