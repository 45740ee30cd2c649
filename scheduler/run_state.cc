#include "scheduler/run_state.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/memory.h"
#include "base/status_macros.h"
#include "base/text.h"
#include "scheduler/failures.h"
#include "scheduler/feeds.h"
#include "scheduler/float_mode.h"

namespace flowgrad {
struct RunState::Memory {
  // All that a step of an elementwise op needs, next to each other: small plans are a list of
  // these.
  struct Instruction {
    BlockFunction block;  // null: the step has a kernel, or is the gate
    void** inputs = nullptr;
    void** outputs = nullptr;
    int64_t elements = 0;
    const void* prepared = nullptr;
  };
  // An operand in memory of the caller: its pointer changes from run to run.
  struct CallerOperand {
    int32_t operand;
    int32_t place;  // in Plan::inputs or Plan::outputs
  };

  std::shared_ptr<std::byte> arena, caches;
  std::vector<std::shared_ptr<std::byte>> scratch;  // by worker
  std::vector<View> views;                          // by operand
  std::vector<void*> pointers;                      // by operand
  std::vector<Instruction> instructions;            // by step
  std::vector<KernelContext> contexts;              // by step
  std::vector<CacheLines> soon;                     // as in the plan
  std::vector<KernelContext> refreshes;             // by cache
  std::vector<int32_t> shared;                      // steps that may stream
  bool streams = false;
  std::vector<CallerOperand> inputs, outputs;
  std::vector<const void*> last_inputs;
  std::vector<void*> last_outputs;
  struct TaskScratch {
    std::vector<int32_t> operands;
    std::byte* bound = nullptr;  // what they and the kernels' scratch point to
  };
  std::vector<TaskScratch> tasks;
};

RunState::RunState(std::shared_ptr<const Plan> plan, StateStore* states)
    : plan_(std::move(plan)),
      states_(states),
      memory_(std::make_unique<Memory>()),
      failures_(std::make_unique<Failures>()) {}

RunState::~RunState() = default;

absl::StatusOr<std::unique_ptr<RunState>> RunState::Make(std::shared_ptr<const Plan> plan,
                                                         StateStore* states,
                                                         const Workers& workers) {
  const std::vector<State>& graph_states = plan->graph->states();
  for (size_t s = 0; s < graph_states.size(); ++s) {
    if (!plan->reads_state[s] && !plan->writes_state[s]) continue;
    const Tensor* tensor = states->Find(graph_states[s].name);
    const TensorType& type = plan->graph->type(graph_states[s].now);
    if (tensor == nullptr || tensor->type() != type) {
      return absl::FailedPreconditionError(absl::StrCat(
          "variable ", Quoted(graph_states[s].name), " must be ", type.ToString(), ", but ",
          tensor == nullptr ? std::string("has no value")
                            : absl::StrCat("is ", tensor->type().ToString())));
    }
  }
  std::unique_ptr<RunState> run(new RunState(std::move(plan), states));
  const bool parallel = run->plan_->tasks.size() > 1 && workers.threads() > 1;
  Memory& memory = *run->memory_;
  memory.scratch.resize(parallel ? workers.threads() : 1);
  const auto blocks =
      AllocateTogether(BlockBytes(*run->plan_, static_cast<int>(memory.scratch.size())));
  memory.arena = blocks[0];
  memory.caches = blocks[1];
  std::copy(blocks.begin() + 2, blocks.end(), memory.scratch.begin());
  if (memory.arena == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a run needs ", run->num_bytes(), " bytes, more than there are"));
  }
  run->Bind();
  if (parallel) {
    const auto run_task = [state = run.get()](int32_t task, int worker) {
      const FloatMode mode;
      state->RunTask(task, worker);
    };
    run->task_graph_ = std::make_unique<TaskGraph>(run->plan_->tasks, workers, run_task);
  }
  ReturnFreeMemory();  // of the planner, which needs more for a moment than the plan keeps
  return run;
}

int64_t RunState::num_bytes() const {
  return BytesTogether(BlockBytes(*plan_, static_cast<int>(memory_->scratch.size())));
}

std::vector<int64_t> RunState::BlockBytes(const Plan& plan, int workers) {
  std::vector<int64_t> bytes = {plan.arena_bytes, plan.cache_bytes};
  bytes.resize(bytes.size() + workers, plan.scratch_bytes);
  return bytes;
}

int64_t RunState::TableBytes(const Plan& plan, int threads) {
  const auto bytes = [](size_t count, size_t each) { return static_cast<int64_t>(count * each); };
  const bool parallel = plan.tasks.size() > 1 && threads > 1;
  return (parallel ? TaskGraph::Bytes(plan.tasks, threads) : 0) +
         bytes(plan.steps.size(),
               sizeof(Step) + sizeof(Memory::Instruction) + sizeof(KernelContext)) +
         bytes(plan.operands.size(), sizeof(Operand) + sizeof(View) + sizeof(void*)) +
         bytes(plan.numbers.size(), sizeof(int64_t)) +
         bytes(plan.soon.size(), sizeof(SoonTouched) + sizeof(CacheLines)) +
         bytes(plan.tasks.size(), sizeof(Task) + sizeof(Memory::TaskScratch)) +
         bytes(plan.ops.size(), sizeof(PlannedOp)) + bytes(plan.buffers.size(), sizeof(Buffer));
}

std::byte* RunState::arena() const { return memory_->arena.get(); }

std::byte* RunState::scratch(int worker) const { return memory_->scratch[worker].get(); }

void RunState::SetPointer(int32_t operand, void* base) {
  std::byte* const data = static_cast<std::byte*>(base) + plan_->operands[operand].offset;
  memory_->views[operand].data = data;
  memory_->pointers[operand] = data;
}

void RunState::Bind() {
  const Plan& plan = *plan_;
  memory_->views.resize(plan.operands.size());
  memory_->pointers.resize(plan.operands.size());
  std::vector<int32_t> input_place(plan.graph->inputs().size());
  for (size_t i = 0; i < plan.inputs.size(); ++i) {
    input_place[plan.inputs[i].index] = static_cast<int32_t>(i);
  }
  for (int32_t i = 0; i < static_cast<int32_t>(plan.operands.size()); ++i) {
    const Operand& operand = plan.operands[i];
    if (!operand.present) continue;
    View& view = memory_->views[i];
    view.dtype = operand.dtype;
    view.rank = operand.rank;
    view.dims = operand.rank == 0 ? kNoDims : plan.numbers.data() + operand.dims;
    view.strides = operand.rank == 0 ? kNoDims : view.dims + operand.rank;
    switch (operand.space) {
      case Space::kArena:
        SetPointer(i, memory_->arena.get());
        break;
      case Space::kState:
        SetPointer(i, StateMemory(operand.slot));
        break;
      case Space::kConstant:
        SetPointer(i, plan.constants[operand.slot].bytes());
        break;
      case Space::kInput:
        memory_->inputs.push_back({i, input_place[operand.slot]});
        break;
      case Space::kOutput:
        memory_->outputs.push_back({i, operand.slot});
        break;
      case Space::kScratch:
      case Space::kNone:
        break;
    }
  }
  memory_->last_inputs.resize(plan.inputs.size());
  memory_->last_outputs.resize(plan.outputs.size());
  for (const SoonTouched& soon : plan.soon) {
    const auto* const data = static_cast<const std::byte*>(memory_->pointers[soon.operand]);
    memory_->soon.push_back({data + soon.offset, soon.lines, soon.to_write});
  }
  memory_->instructions.reserve(plan.steps.size());
  memory_->contexts.reserve(plan.steps.size());
  memory_->tasks.reserve(plan.tasks.size());
  const bool parallel = memory_->scratch.size() > 1;
  for (const Step& step : plan.steps) {
    if (parallel && step.shared) {
      memory_->shared.push_back(static_cast<int32_t>(memory_->contexts.size()));
    }
    void** const pointers = memory_->pointers.data() + step.operands;
    memory_->instructions.push_back(
        {step.block, pointers, pointers + step.num_inputs, step.elements, step.prepared});
    memory_->contexts.push_back(ContextOf(step));
  }
  for (const Step& step : plan.refreshes) memory_->refreshes.push_back(ContextOf(step));
  for (const Task& task : plan.tasks) {
    memory_->tasks.emplace_back();
    for (int32_t s = task.first_step; s < task.end_step; ++s) {
      const Step& step = plan.steps[s];
      for (int32_t i = 0; i < step.num_inputs + step.num_outputs; ++i) {
        if (plan.operands[step.operands + i].space == Space::kScratch) {
          memory_->tasks.back().operands.push_back(step.operands + i);
        }
      }
    }
  }
}

void* RunState::StateMemory(int32_t slot) const {
  const std::vector<State>& states = plan_->graph->states();
  const auto num_states = static_cast<int32_t>(states.size());
  if (slot < num_states) return states_->Find(states[slot].name)->bytes();
  return memory_->caches.get() + plan_->cache_offsets[slot - num_states];
}

KernelContext RunState::ContextOf(const Step& step) const {
  KernelContext context;
  const View* views = memory_->views.data() + step.operands;
  context.inputs = absl::MakeConstSpan(views, step.num_inputs);
  context.outputs = absl::MakeConstSpan(views + step.num_inputs, step.num_outputs);
  context.origin = absl::MakeConstSpan(plan_->numbers.data() + step.origin, 2 * kMaxRank);
  context.prepared_data = step.prepared;
  context.values = &values_;
  context.stream = step.stream;
  context.soon = absl::MakeConstSpan(memory_->soon).subspan(step.first_soon, step.num_soon);
  return context;
}

void RunState::BindCaller(absl::Span<const void* const> inputs, absl::Span<void* const> outputs) {
  bool changed = false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    changed = changed || inputs[i] != memory_->last_inputs[i];
    memory_->last_inputs[i] = inputs[i];
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    changed = changed || outputs[i] != memory_->last_outputs[i];
    memory_->last_outputs[i] = outputs[i];
  }
  if (!changed) return;
  for (const Memory::CallerOperand& operand : memory_->inputs) {
    SetPointer(operand.operand, const_cast<void*>(inputs[operand.place]));
  }
  for (const Memory::CallerOperand& operand : memory_->outputs) {
    SetPointer(operand.operand, outputs[operand.place]);
  }
}

absl::Status RunState::Run(absl::Span<const void* const> inputs, absl::Span<void* const> outputs,
                           const StepValues& values, const std::atomic<bool>* cancel) {
  const StateStore::Access access(states_, plan_->gate_task >= 0);
  RETURN_IF_ERROR(access.status());
  if (access.found_version() != cached_version_) RefreshCaches();
  cached_version_ = access.version();
  BindCaller(inputs, outputs);
  values_ = values;
  cancel_ = cancel;
  failures_->Clear();
  if (task_observer_ != nullptr) task_observer_->BeforeRun(plan_);
  if (task_graph_ != nullptr) {
    RunTaskGraph();
  } else {
    const FloatMode mode;
    for (int32_t t = 0; t < static_cast<int32_t>(plan_->tasks.size()); ++t) RunTask(t, 0);
  }
  if (task_observer_ != nullptr) task_observer_->AfterRun(*plan_);
  const absl::Status status = failures_->status();
  if (!status.ok() && failures_->committed()) states_->MarkBroken();
  return status;
}

void RunState::RunTaskGraph() {
  const bool may_stream = !memory_->shared.empty();
  if (may_stream) SetStreaming(stream_choice_.streams());
  const auto begin = std::chrono::steady_clock::now();
  task_graph_->Run();
  if (may_stream) stream_choice_.Took(std::chrono::steady_clock::now() - begin);
}

void RunState::SetStreaming(bool streams) {
  if (memory_->streams == streams) return;
  memory_->streams = streams;
  for (const int32_t step : memory_->shared) {
    memory_->contexts[step].shared = streams;
    // The kernel knows how to stream.
    memory_->instructions[step].block = streams ? BlockFunction() : plan_->steps[step].block;
  }
  for (size_t i = 0; i < plan_->soon.size(); ++i) {
    if (plan_->soon[i].shared) memory_->soon[i].count = streams ? 0 : plan_->soon[i].lines;
  }
}

// What they copy cannot fail.
void RunState::RefreshCaches() {
  for (size_t c = 0; c < memory_->refreshes.size(); ++c) {
    plan_->refreshes[c].kernel(memory_->refreshes[c]).IgnoreError();
  }
}

void RunState::RunTask(int32_t index, int worker) {
  const Task& task = plan_->tasks[index];
  std::byte* const scratch = memory_->scratch[worker].get();
  Memory::TaskScratch& mine = memory_->tasks[index];
  if (mine.bound != scratch) {
    mine.bound = scratch;
    for (const int32_t operand : mine.operands) SetPointer(operand, scratch);
    const double entry = static_cast<double>(worker) / static_cast<double>(memory_->scratch.size());
    for (int32_t s = task.first_step; s < task.end_step; ++s) {
      memory_->contexts[s].scratch = scratch;
      memory_->contexts[s].entry = entry;
    }
  }
  if (cancel_ != nullptr && cancel_->load(std::memory_order_relaxed)) failures_->Stop();
  if (failures_->stopped()) return;
  if (task_observer_ == nullptr) return RunSteps(task);
  task_observer_->BeforeTask(*plan_, index, worker);
  RunSteps(task);
  task_observer_->AfterTask(*plan_, index, worker);
}

// Failures come from kernels, and a task that writes states comes after all of them: so elementwise
// steps need not look for any.
void RunState::RunSteps(const Task& task) {
  if (observer_ != nullptr || failures_->any()) {
    return RunGuardedSteps(task.first_step, task.end_step);
  }
  const Memory::Instruction* instruction = memory_->instructions.data() + task.first_step;
  for (int32_t s = task.first_step; s < task.end_step; ++s, ++instruction) {
    if (instruction->block.run != nullptr) {
      instruction->block.run(instruction->inputs, instruction->outputs, instruction->elements,
                             instruction->prepared);
      continue;
    }
    RunKernel(s);
    if (failures_->any() || failures_->stopped()) return RunGuardedSteps(s + 1, task.end_step);
  }
}

void RunState::RunGuardedSteps(int32_t first, int32_t end) {
  for (int32_t s = first; s < end && !failures_->stopped(); ++s) {
    if (failures_->any() && failures_->Skips(plan_->steps[s])) continue;
    if (observer_ == nullptr) {
      RunStep(s);
    } else if (const absl::Status status = RunObservedStep(s); !status.ok()) {
      failures_->Add(plan_->steps[s].order, status);
    }
  }
}

absl::Status RunState::RunObservedStep(int32_t step) {
  RETURN_IF_ERROR(observer_->BeforeStep(*plan_, step));
  RunStep(step);
  return observer_->AfterStep(*plan_, step, memory_->contexts[step]);
}

void RunState::RunStep(int32_t index) {
  const Memory::Instruction& instruction = memory_->instructions[index];
  if (instruction.block.run == nullptr) return RunKernel(index);
  instruction.block.run(instruction.inputs, instruction.outputs, instruction.elements,
                        instruction.prepared);
}

void RunState::RunKernel(int32_t index) {
  const Step& step = plan_->steps[index];
  if (step.kernel == nullptr) return PassGate();
  if (absl::Status status = step.kernel(memory_->contexts[index]); !status.ok()) {
    const PlannedOp& op = plan_->ops[step.op];
    failures_->Add(step.order, AtNode(status, op.name, op.kind));
  }
}

void RunState::PassGate() {
  if (cancel_ != nullptr && cancel_->load(std::memory_order_relaxed)) failures_->Stop();
  if (!failures_->any()) failures_->Commit();
}

}  // namespace flowgrad
