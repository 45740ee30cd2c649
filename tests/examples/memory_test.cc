// What `flowgrad show --format plan` says that a run of a model holds is what the engine asks the
// system for, and no step writes outside of it.

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "gtest/gtest.h"
#include "ops/builtin_ops.h"
#include "scheduler/plan_memory.h"
#include "scheduler/planner.h"
#include "scheduler/run_state.h"
#include "tests/testing/canaries.h"
#include "tests/testing/planned_run.h"
#include "tests/testing/status_matchers.h"
#include "tools/model_source.h"
#include "tools/workload.h"

namespace {

std::atomic<int64_t> aligned_bytes{0};

}  // namespace

// All memory of states, arenas and workers comes from here: it is aligned to 64 bytes, or to a huge
// page. oneTBB's own is aligned to 128 bytes.
void* operator new(std::size_t size, std::align_val_t alignment) {
  const bool is_ours =
      alignment == std::align_val_t(64) || alignment == std::align_val_t(int64_t{2} << 20);
  if (is_ours) aligned_bytes += static_cast<int64_t>(size);
  void* memory = nullptr;
  if (posix_memalign(&memory, static_cast<std::size_t>(alignment), size) == 0) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return operator new(size, alignment);
}
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace flowgrad {
namespace {

// Every model file of the examples and the benchmarks.
std::vector<std::string> ModelFiles() {
  std::vector<std::string> files;
  for (const char* folder : {"examples", "benchmarks"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(
             folder, std::filesystem::directory_options::follow_directory_symlink)) {
      if (entry.path().extension() == ".pbtxt") files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

struct Planned {
  Workload workload;
  TensorMap inputs, states;  // states: those of the plan
};

absl::StatusOr<Planned> Load(const std::string& file, uint64_t batch) {
  ASSIGN_OR_RETURN(const Model model, LoadModel(file, {}, BuiltinOps()));
  Planned planned;
  // A model that is not trained has a training section too, where it says what its data are.
  const bool trains = !model.def.training().loss().empty();
  const char* const step = model.def.has_training() && !trains ? "infer" : "";
  ASSIGN_OR_RETURN(planned.workload, MakeWorkload(model, step, batch));
  ASSIGN_OR_RETURN(planned.inputs, DrawInputs(model, planned.workload));
  ASSIGN_OR_RETURN(planned.states, InitializeStates(*planned.workload.graph, 1));
  return planned;
}

class MemoryTest : public testing::TestWithParam<std::string> {};

int64_t HeldOf(const PlanMemory& memory, std::initializer_list<MemoryKind> kinds) {
  int64_t bytes = 0;
  for (const MemoryPart& part : memory.parts) {
    for (const MemoryKind kind : kinds) bytes += part.kind == kind ? part.held : 0;
  }
  return bytes;
}

int64_t RestBehind(absl::string_view what, const PlanMemory& memory) {
  int64_t bytes = 0;
  for (const MemoryOwner& owner : memory.owners) {
    if (owner.name == absl::StrCat("rest behind ", what)) bytes += owner.bytes;
  }
  return bytes;
}

// The states that the plan works on, the memory of the run state, the values that it gives.
TEST_P(MemoryTest, IsWhatTheEngineAsksFor) {
  for (const uint64_t batch : {8, 37, 130}) {
    const auto planned = Load(GetParam(), batch);
    ASSERT_THAT(planned, IsOk());
    const Workload& workload = planned->workload;
    const auto plan =
        MakePlan(workload.graph, workload.types, workload.fetches, workload.update_states);
    ASSERT_THAT(plan, IsOk());
    TensorMap states = planned->states;
    for (size_t s = 0; s < workload.graph->states().size(); ++s) {
      if ((*plan)->reads_state[s] || (*plan)->writes_state[s]) continue;
      states.erase(workload.graph->states()[s].name);
    }
    for (const int threads : {1, 2, 5}) {
      const PlanMemory memory = MemoryOf(**plan, threads);
      int64_t before = aligned_bytes;
      StateStore store;
      store.Set(states);
      EXPECT_EQ(
          aligned_bytes - before,
          HeldOf(memory, {MemoryKind::kParameter, MemoryKind::kOptimizer, MemoryKind::kVariable}) +
              RestBehind("the states", memory));
      const Workers workers(threads);
      before = aligned_bytes;
      const auto run = RunState::Make(*plan, &store, workers);
      ASSERT_THAT(run, IsOk());
      const int64_t of_run = aligned_bytes - before;
      EXPECT_EQ(of_run, memory.gaps +
                            HeldOf(memory, {MemoryKind::kPacked, MemoryKind::kActivation,
                                            MemoryKind::kGradient, MemoryKind::kUpdate,
                                            MemoryKind::kScratch}) +
                            RestBehind("the run", memory));
      EXPECT_EQ(of_run, (*run)->num_bytes());
      before = aligned_bytes;
      std::vector<Tensor> outputs;
      for (const Plan::Slot& slot : (*plan)->outputs) outputs.emplace_back(slot.dtype, slot.dims);
      EXPECT_EQ(aligned_bytes - before, HeldOf(memory, {MemoryKind::kOutput}));

      // The totals of the three tables are the same.
      int64_t held = memory.gaps, by_kind = 0, by_owner = 0;
      for (const MemoryPart& part : memory.parts) {
        held += part.held;
        by_kind += part.bytes;
        EXPECT_LE(part.held, part.bytes);
      }
      for (const MemoryOwner& owner : memory.owners) by_owner += owner.bytes;
      EXPECT_EQ(memory.total, held);
      EXPECT_EQ(by_kind, by_owner);
      ASSERT_EQ(memory.live.size(), (*plan)->steps.size());
      for (const int64_t live : memory.live) EXPECT_LE(live, memory.arena_bytes);
    }
  }
}

TEST_P(MemoryTest, NoStepWritesPastItsBuffers) {
  const auto planned = Load(GetParam(), 37);
  ASSERT_THAT(planned, IsOk());
  const Workload& workload = planned->workload;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    PlanOptions options;
    options.canaries = true;
    if (seed > 0) options.random_seed = seed;
    const auto run =
        PlannedRun::Make(workload.graph, planned->inputs, planned->states, workload.fetches,
                         workload.update_states, options, Workers(1 + static_cast<int>(seed)));
    ASSERT_THAT(run, IsOk());
    Canaries canaries(&(*run)->run_state());
    for (int step = 0; step < 2; ++step) {
      ASSERT_THAT((*run)->Run(planned->inputs, StepValues{.seed = 1, .step = step}), IsOk());
    }
    EXPECT_THAT(canaries.status(), IsOk()) << "plan " << seed;
    EXPECT_GT(canaries.num_checks(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(
    AllModels, MemoryTest, testing::ValuesIn(ModelFiles()),
    [](const testing::TestParamInfo<std::string>& info) {
      return absl::StrReplaceAll(info.param, {{"/", "_"}, {".pbtxt", ""}, {"-", "_"}});
    });

}  // namespace
}  // namespace flowgrad
