// What plans promise beside the bits: panels that do not wait for each other, memory that is proved
// safe, one task where the work is small.

#include <atomic>
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ops/functions.h"
#include "scheduler/check_plan.h"
#include "scheduler/planner.h"
#include "tests/scheduler/planned_graphs.h"
#include "tests/testing/planned_run.h"
#include "tests/testing/status_matchers.h"

namespace flowgrad {
namespace {

using testing::HasSubstr;

bool IsProductOf(const Plan& plan, int step, const std::string& layer, int panel) {
  const Step& s = plan.steps[step];
  if (s.op < 0) return false;
  const PlannedOp& op = plan.ops[s.op];
  return op.name == layer + "/MatMul" && op.kind != "Pack" && (s.order & 0xffffffff) == panel;
}

// Holds panel 3 of layer 1 until panel 0 of layer 2 is done.
class Latch : public StepObserver {
 public:
  absl::Status BeforeStep(const Plan& plan, int step) override {
    if (!IsProductOf(plan, step, "layer1", 3)) return absl::OkStatus();
    ++held;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!released && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    return released ? absl::OkStatus() : absl::DeadlineExceededError("panel 0 waits for panel 3");
  }
  absl::Status AfterStep(const Plan& plan, int step, const KernelContext&) override {
    if (IsProductOf(plan, step, "layer2", 0)) released = true;
    return absl::OkStatus();
  }
  std::atomic<int> held = 0;
  std::atomic<bool> released = false;
};

TEST(PlanTest, APanelOfTheSecondLayerDoesNotWaitForTheOthersOfTheFirst) {
  const PlannedGraph mlp =
      TrainStepOfMlp(/*batch=*/64, /*inputs=*/40, /*hidden=*/48, /*classes=*/5);
  Latch latch;
  EXPECT_EQ(DifferenceFromReference(mlp, 1, SmallestTasks(), /*threads=*/2, &latch), "");
  EXPECT_EQ(latch.held, 1);
}

// Each tile of a weight's gradient is followed by its update: weight and momentum come into the
// cache beside the arithmetic, as does the first touch of all else that the task will read.
TEST(PlanTest, AProductFetchesTheStatesThatItsUpdateTouches) {
  const auto plan = PlanOf(TrainStepOfMlp(/*batch=*/128, /*inputs=*/256, /*hidden=*/256,
                                          /*classes=*/10));
  int followed = 0;
  for (const Task& task : plan->tasks) {
    for (int32_t s = task.first_step; s + 1 < task.end_step; ++s) {
      const Step &product = plan->steps[s], &update = plan->steps[s + 1];
      if (!product.fetches_ahead || !update.writes_state) continue;
      std::map<int32_t, int64_t> lines;  // by state
      for (int32_t i = product.first_soon; i < product.first_soon + product.num_soon; ++i) {
        const Operand& operand = plan->operands[plan->soon[i].operand];
        if (operand.space != Space::kState) continue;
        EXPECT_TRUE(plan->soon[i].to_write);
        lines[operand.slot] += plan->soon[i].lines;
      }
      for (int32_t i = 0; i < update.num_outputs; ++i) {
        const Operand& state = plan->operands[update.operands + update.num_inputs + i];
        const int64_t* const dims = plan->numbers.data() + state.dims;
        const int64_t bytes = NumElements(Dims(dims, dims + state.rank)) * 4;
        if (state.space != Space::kState || bytes < 4096) continue;
        EXPECT_EQ(lines[state.slot] * 64, bytes) << plan->ops[update.op].name;
        ++followed;
      }
    }
  }
  EXPECT_GE(followed, 8);
}

// Heads are split off and joined again, and the loss sees the positions of all sequences as one
// long list: still everything but weights, biases and the mean is cut at the same sequences.
TEST(PlanTest, CutsAnAttentionAlongTheBatchThroughEveryReshapeAndCopiesNothing) {
  for (const PlannedGraph& planned : SmallGraphs()) {
    if (planned.name != "attention") continue;
    PlanOptions options = SmallestTasks();
    options.fuse = false;  // so that each op has its own name
    const auto plan = PlanOf(planned, options);
    std::set<std::string> panels;
    for (const PlannedOp& op : plan->ops) {
      EXPECT_FALSE(op.added && op.kind == "Copy") << op.name;
      if (op.cut == CutKind::kPanels) {
        EXPECT_EQ(op.num_steps, 3) << op.name;  // sequences of 5 rows, two for 8 rows at least
        panels.insert(op.kind);
      }
    }
    for (const char* kind :
         {"Add", "LayerNormalization", "LayerNormalizationGradient", "MatMul", "Softmax",
          "SoftmaxCrossEntropy", "SoftmaxCrossEntropyGradient", "SoftmaxGradient"}) {
      EXPECT_EQ(panels.count(kind), 1) << kind;
    }
    return;
  }
  FAIL() << "no attention";
}

TEST(PlanTest, WorkOfAFewMicrosecondsIsOneTask) {
  const auto plan = PlanOf(TrainStepOfMlp(/*batch=*/1, /*inputs=*/9, /*hidden=*/30, /*classes=*/2));
  EXPECT_EQ(plan->tasks.size(), 1);
}

TEST(PlanTest, DoesNotDependOnWhatRanBefore) {
  const PlannedGraph mlp =
      TrainStepOfMlp(/*batch=*/128, /*inputs=*/784, /*hidden=*/512, /*classes=*/10);
  const auto a = PlanOf(mlp), b = PlanOf(mlp);
  EXPECT_EQ(a->arena_bytes, b->arena_bytes);
  ASSERT_EQ(a->tasks.size(), b->tasks.size());
  for (size_t t = 0; t < a->tasks.size(); ++t) EXPECT_EQ(a->tasks[t].before, b->tasks[t].before);
}

TEST(PlanTest, TasksOfTheMlpAreWorthHandingOver) {
  const auto plan =
      PlanOf(TrainStepOfMlp(/*batch=*/128, /*inputs=*/784, /*hidden=*/512, /*classes=*/10));
  EXPECT_THAT(CheckPlan(*plan), IsOk());
  EXPECT_GT(plan->work_ns / plan->critical_path_ns, 8);
  int small = 0;
  for (const Task& task : plan->tasks) small += task.cost_ns < 5000;
  // Among them the packing of weights that are read until after their update.
  EXPECT_LE(small, 12) << "of " << plan->tasks.size();
  // Weights and momenta are 5.4 MB; what lies between is less.
  EXPECT_LT(plan->arena_bytes, 6 << 20);
}

// Names of the states that steps of a task write.
std::set<std::string> UpdatedBy(const Plan& plan, const Task& task) {
  const std::vector<State>& states = plan.graph->states();
  std::set<std::string> updated;
  for (int s = task.first_step; s < task.end_step; ++s) {
    const Step& step = plan.steps[s];
    for (int i = 0; i < step.num_outputs; ++i) {
      const Operand& output = plan.operands[step.operands + step.num_inputs + i];
      if (output.space != Space::kState) continue;
      if (output.slot < static_cast<int32_t>(states.size())) {
        updated.insert(states[output.slot].name);
      }
    }
  }
  return updated;
}

// The update of a tile of a weight is in the task that computes the tile of its gradient.
TEST(PlanTest, AnUpdateFollowsItsGradientAtOnce) {
  for (const int batch : {24, 128}) {
    const auto plan = PlanOf(TrainStepOfMlp(batch, /*inputs=*/784, /*hidden=*/512, /*classes=*/10));
    for (const std::string weight : {"layer1/w", "layer2/w"}) {
      int updates = 0;
      for (const Task& task : plan->tasks) {
        const bool has_update = UpdatedBy(*plan, task).count(weight) > 0;
        bool has_product = false;
        for (int i = task.first_step; i < task.end_step; ++i) {
          if (plan->steps[i].op < 0) continue;
          const PlannedOp& op = plan->ops[plan->steps[i].op];
          has_product = has_product || (op.name.find(weight) != std::string::npos &&
                                        op.kind.find("MatMul") != std::string::npos);
        }
        updates += has_update;
        EXPECT_TRUE(has_product || !has_update) << weight << ", batch " << batch;
      }
      EXPECT_GT(updates, 2) << weight << ", batch " << batch;
    }
  }
}

// With 24 rows a panel would be 8 of them, and read all weights for that.
TEST(PlanTest, ProductsOfFewRowsAreCutAlongTheirColumns) {
  const auto plan =
      PlanOf(TrainStepOfMlp(/*batch=*/24, /*inputs=*/784, /*hidden=*/512, /*classes=*/10));
  int products = 0, others = 0;
  for (const PlannedOp& op : plan->ops) {
    if (op.name.find("layer1") == std::string::npos && op.name.find("layer2") == std::string::npos)
      continue;
    const bool forward = op.name.rfind("layer", 0) == 0;
    EXPECT_NE(op.cut, CutKind::kPanels) << op.name << " (" << op.kind << ")";
    if (op.cut != CutKind::kTiles) continue;
    (op.kind == "MatMul" && forward ? products : others) += 1;
  }
  EXPECT_EQ(products, 2);
  EXPECT_GT(others, 2) << "what follows them, and the gradients";
  EXPECT_GT(plan->work_ns / plan->critical_path_ns, 4);
}

// Between the layers that all threads share there is one task, and it is as short as can be.
TEST(PlanTest, WhatAllThreadsWaitForDoesNotBeginWhatTheyShare) {
  const auto plan =
      PlanOf(TrainStepOfMlp(/*batch=*/24, /*inputs=*/784, /*hidden=*/512, /*classes=*/10));
  int losses = 0;
  for (const Task& task : plan->tasks) {
    bool has_loss = false;
    for (int s = task.first_step; s < task.end_step; ++s) {
      const PlannedOp* op = plan->steps[s].op < 0 ? nullptr : &plan->ops[plan->steps[s].op];
      has_loss = has_loss || (op != nullptr && op->kind == "SoftmaxCrossEntropy");
    }
    if (!has_loss) continue;
    ++losses;
    for (int s = task.first_step; s < task.end_step; ++s) {
      EXPECT_LT(plan->steps[s].cost_ns, 5000) << plan->ops[plan->steps[s].op].name;
    }
    EXPECT_LT(task.cost_ns, 25'000);
  }
  EXPECT_EQ(losses, 1);
}

// Behind the loss each chain goes on by itself, and each gradient is followed by its update: the
// loss has been looked at before.
TEST(PlanTest, ChainsBehindALossAreTasksOfTheirOwn) {
  constexpr int kChains = 8, kLayers = 4;
  const auto plan = PlanOf(TrainStepOfChains(/*batch=*/16, /*width=*/128, kChains, kLayers));
  EXPECT_THAT(CheckPlan(*plan), IsOk());
  int updates = 0;
  for (const Task& task : plan->tasks) {
    bool has_loss = false;
    std::set<std::string> chains, products;
    for (int s = task.first_step; s < task.end_step; ++s) {
      if (plan->steps[s].op < 0) continue;
      const PlannedOp& op = plan->ops[plan->steps[s].op];
      has_loss = has_loss || op.kind == "CheckFinite";
      const size_t begin = op.name.find("chain");
      if (begin == std::string::npos || op.kind.find("MatMul") == std::string::npos) continue;
      chains.insert(op.name.substr(begin, op.name.find('/', begin) - begin));
      products.insert(op.name);
    }
    EXPECT_LE(chains.size(), has_loss ? 0 : 1) << testing::PrintToString(chains);
    for (const std::string& state : UpdatedBy(*plan, task)) {
      if (!state.ends_with("/w")) continue;
      ++updates;
      EXPECT_TRUE(products.count("gradients/" + state)) << state;
    }
  }
  EXPECT_EQ(updates, kChains * kLayers);
  EXPECT_GT(plan->work_ns / plan->critical_path_ns, 0.7 * kChains);
}

// Names of states and kinds of ops whose steps are streamed where there are several threads.
std::set<std::string> SharedBy(const Plan& plan) {
  std::set<std::string> shared;
  for (const Step& step : plan.steps) {
    if (!step.shared) continue;
    const Operand& output = plan.operands[step.operands + step.num_inputs];
    const auto& states = plan.graph->states();
    const bool is_state =
        output.space == Space::kState && output.slot < static_cast<int32_t>(states.size());
    shared.insert(is_state ? states[output.slot].name : plan.ops[step.op].kind);
  }
  return shared;
}

// Weights that all threads read, and forms of them, which products of few rows do without; not what
// only its own update reads.
TEST(PlanTest, WhatAllThreadsReadIsShared) {
  const auto packed =
      PlanOf(TrainStepOfMlp(/*batch=*/128, /*inputs=*/784, /*hidden=*/512, /*classes=*/10));
  EXPECT_THAT(SharedBy(*packed), testing::UnorderedElementsAre("Pack", "PackRows"));
  const auto plain =
      PlanOf(TrainStepOfMlp(/*batch=*/24, /*inputs=*/784, /*hidden=*/512, /*classes=*/10));
  EXPECT_THAT(SharedBy(*plain), testing::UnorderedElementsAre("layer1/w", "layer2/w"));
}

}  // namespace
}  // namespace flowgrad
