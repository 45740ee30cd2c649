#include "scheduler/planner.h"

#include <algorithm>
#include <map>
#include <random>
#include <utility>

#include "base/memory.h"
#include "base/status_macros.h"
#include "scheduler/draft.h"
#include "scheduler/memory_layout.h"

namespace flowgrad {
namespace {

// Turns a draft into a plan.
class Emitter {
 public:
  Emitter(const Draft& draft, const MemoryLayout& memory)
      : draft_(draft), memory_(memory), plan_(std::make_shared<Plan>()) {}

  std::shared_ptr<const Plan> Emit() {
    plan_->graph = draft_.bound.graph;
    for (size_t o = 0; o < draft_.bound.ops.size(); ++o) AddOp(o);
    plan_->kernel_scratch_bytes = KernelScratch();
    plan_->scratch_bytes = plan_->kernel_scratch_bytes + memory_.local_bytes;
    plan_->arena_bytes = memory_.arena_bytes;
    for (size_t t = 0; t < draft_.tasks.size(); ++t) AddTask(draft_.tasks[t]);
    AddSlots();
    return std::move(plan_);
  }

 private:
  void AddOp(size_t o) {
    const BoundOp& op = draft_.bound.ops[o];
    const Cut& cut = draft_.cuts[o];
    PlannedOp planned;
    planned.name = op.name;
    planned.kind = op.op->name();
    planned.node = op.node;
    planned.added = op.node < 0 || draft_.bound.graph->nodes()[op.node].op != op.op;
    planned.num_steps = cut.pieces();
    planned.cost_ns = op.cost_ns;
    if (cut.axis >= 0) {
      planned.cut = cut.parts ? CutKind::kParts : cut.batch ? CutKind::kPanels : CutKind::kTiles;
      planned.piece_size = cut.bounds[1] - cut.bounds[0];
    }
    plan_->work_ns += op.cost_ns;
    plan_->ops.push_back(std::move(planned));
    plan_->keep.push_back(op.prepared.data);
  }

  int64_t KernelScratch() const {
    int64_t bytes = 0;
    for (const BoundOp& op : draft_.bound.ops) bytes = std::max(bytes, op.prepared.scratch_bytes);
    return (bytes + kAlignment - 1) / kAlignment * kAlignment;
  }

  // Dims, then strides, stored once for all operands that have them.
  int32_t AddNumbers(const Dims& dims, const Dims& strides) {
    const auto [place, is_new] =
        numbers_.emplace(std::pair(dims, strides), static_cast<int32_t>(plan_->numbers.size()));
    if (is_new) {
      plan_->numbers.insert(plan_->numbers.end(), dims.begin(), dims.end());
      plan_->numbers.insert(plan_->numbers.end(), strides.begin(), strides.end());
    }
    return place->second;
  }

  Operand MakeOperand(int32_t step, int number, Layout layout) {
    Operand operand;
    operand.present = layout.present;
    if (!layout.present) return operand;
    operand.dtype = layout.dtype;
    operand.rank = static_cast<int8_t>(layout.dims.size());
    if (layout.storage >= 0) {
      const int32_t root = RootOf(draft_.homes, layout.storage);
      const Home& home = draft_.homes[root];
      operand.space = home.space;
      operand.slot = home.slot;
      operand.offset = layout.offset * DTypeSize(layout.dtype);
      const auto local = memory_.local_offset.find({step, number});
      if (local != memory_.local_offset.end()) {
        operand.space = Space::kScratch;
        operand.offset = plan_->kernel_scratch_bytes + local->second;
        layout.strides = ContiguousStrides(layout.dims);
      } else if (home.space == Space::kArena) {
        operand.offset += memory_.arena_offset[root];
      } else if (home.space == Space::kConstant) {
        operand.slot = ConstantSlot(root);
      }
    }
    operand.dims = AddNumbers(layout.dims, layout.strides);
    return operand;
  }

  int32_t ConstantSlot(int32_t storage) {
    const auto [place, is_new] =
        constants_.emplace(storage, static_cast<int32_t>(plan_->constants.size()));
    if (is_new) plan_->constants.push_back(draft_.bound.storages[storage].constant);
    return place->second;
  }

  void AddTask(const DraftTask& draft) {
    Task task;
    task.first_step = static_cast<int32_t>(plan_->steps.size());
    for (const int32_t step : draft.steps) AddStep(step);
    task.end_step = static_cast<int32_t>(plan_->steps.size());
    task.before = draft.before;
    task.cost_ns = draft.cost_ns;
    double start_ns = 0;
    for (const int32_t before : draft.before) start_ns = std::max(start_ns, finish_ns_[before]);
    finish_ns_.push_back(start_ns + draft.cost_ns);
    plan_->critical_path_ns = std::max(plan_->critical_path_ns, finish_ns_.back());
    plan_->tasks.push_back(std::move(task));
  }

  void AddStep(int32_t index) {
    const DraftStep& draft = draft_.steps[index];
    Step step;
    if (index == draft_.gate) {
      plan_->gate_task = static_cast<int32_t>(plan_->tasks.size());
      plan_->steps.push_back(step);
      return;
    }
    const BoundOp& op = draft_.bound.ops[draft.op];
    const Cut& cut = draft_.cuts[draft.op];
    step.kernel = op.kernel;
    step.prepared = op.prepared.data.get();
    step.stream = op.stream;
    step.op = draft.op;
    step.order = static_cast<int64_t>(op.node) << 32 | draft.piece;
    step.cost_ns = draft.cost_ns;
    step.can_fail = op.op->can_fail();
    step.writes_state = draft.writes_state;
    step.num_inputs = static_cast<int32_t>(op.inputs.size());
    step.num_outputs = static_cast<int32_t>(op.outputs.size());
    step.operands = static_cast<int32_t>(plan_->operands.size());
    for (int i = 0; i < step.num_inputs + step.num_outputs; ++i) {
      plan_->operands.push_back(MakeOperand(index, i, CutOperand(op, cut, i, draft.piece)));
    }
    Dims origin(std::max<size_t>(op.nest.axes.size(), 2 * kMaxRank), 0);
    if (cut.axis >= 0) origin[cut.axis] = cut.bounds[draft.piece];
    step.origin = AddNumbers(origin, Dims());
    if (op.block.run != nullptr) MakeDirect(op.block, step);
    plan_->steps.push_back(std::move(step));
  }

  // Operands of one shape, each row by row, need no walk over their dims.
  void MakeDirect(BlockFunction block, Step& step) const {
    const Operand& first = plan_->operands[step.operands + step.num_inputs];
    if (!first.present) return;
    const int64_t* dims = &plan_->numbers[first.dims];
    const int64_t elements = NumElements(absl::MakeConstSpan(dims, first.rank));
    for (int i = 0; i < step.num_inputs + step.num_outputs; ++i) {
      const Operand& operand = plan_->operands[step.operands + i];
      if (!operand.present || operand.space == Space::kNone) return;
      const int64_t* numbers = &plan_->numbers[operand.dims];
      if (NumElements(absl::MakeConstSpan(numbers, operand.rank)) != elements) return;
      int64_t stride = 1;
      for (int d = operand.rank - 1; d >= 0; --d) {
        if (numbers[d] != 1 && numbers[operand.rank + d] != stride) return;
        stride *= numbers[d];
      }
    }
    step.block = block;
    step.elements = elements;
  }

  void AddSlots() {
    const Graph& graph = *draft_.bound.graph;
    std::vector<bool> reads_input(graph.inputs().size());
    plan_->reads_state.resize(graph.states().size());
    plan_->writes_state.resize(graph.states().size());
    for (const Step& step : plan_->steps) {
      for (int i = 0; i < step.num_inputs + step.num_outputs; ++i) {
        const Operand& operand = plan_->operands[step.operands + i];
        if (operand.space == Space::kInput) reads_input[operand.slot] = true;
        if (operand.space != Space::kState) continue;
        (i < step.num_inputs ? plan_->reads_state : plan_->writes_state)[operand.slot] = true;
      }
    }
    for (const Storage& storage : draft_.bound.storages) {
      if (storage.source == Storage::Source::kInput && reads_input[storage.slot]) {
        plan_->inputs.push_back({storage.slot, storage.dtype, storage.dims});
      }
    }
    for (size_t i = 0; i < draft_.bound.fetched.size(); ++i) {
      const Layout& layout = draft_.bound.fetched[i];
      plan_->outputs.push_back({static_cast<int32_t>(i), layout.dtype, layout.dims});
    }
  }

  const Draft& draft_;
  const MemoryLayout& memory_;
  std::shared_ptr<Plan> plan_;
  std::map<std::pair<Dims, Dims>, int32_t> numbers_;
  std::map<int32_t, int32_t> constants_;
  std::vector<double> finish_ns_;  // by task
};

}  // namespace

absl::StatusOr<std::shared_ptr<const Plan>> MakePlan(std::shared_ptr<const Graph> graph,
                                                     const FedTypes& fed,
                                                     const std::vector<std::string>& fetches,
                                                     bool update_states,
                                                     const PlanOptions& options) {
  std::mt19937_64 random(options.random_seed.value_or(0));
  Draft draft;
  draft.options = &options;
  draft.random = options.random_seed ? &random : nullptr;
  ASSIGN_OR_RETURN(draft.bound, BindGraph(std::move(graph), fed, fetches, update_states));
  RETURN_IF_ERROR(SpreadConstants(draft.bound));
  RETURN_IF_ERROR(PackMatrices(draft.bound, options));
  RETURN_IF_ERROR(FindHomes(draft.bound, options, draft.homes));
  RETURN_IF_ERROR(ChooseCuts(draft.bound, options, draft.random, draft.cuts));
  draft.homes.resize(draft.bound.storages.size());
  MakeSteps(draft);
  RETURN_IF_ERROR(MakeTasks(draft));
  const MemoryLayout memory = LayOutMemory(draft);
  RETURN_IF_ERROR(CheckFitsMemory("the plan of a run", memory.arena_bytes));
  return Emitter(draft, memory).Emit();
}

}  // namespace flowgrad
