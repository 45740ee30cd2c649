#include "scheduler/emit.h"

#include <algorithm>
#include <map>
#include <utility>

#include "ops/stream.h"
#include "scheduler/fetches.h"
#include "scheduler/fused_program.h"
#include "scheduler/planner_ops.h"

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
    plan_->guard_bytes = GuardBytes(*draft_.options);
    plan_->kernel_scratch_bytes = KernelScratch() + plan_->guard_bytes;
    plan_->scratch_bytes = plan_->kernel_scratch_bytes + memory_.local_bytes;
    plan_->arena_bytes = memory_.arena_bytes;
    for (size_t t = 0; t < draft_.tasks.size(); ++t) AddTask(draft_.tasks[t]);
    for (const BoundGraph::Cache& cache : draft_.bound.caches) AddCache(cache);
    AddSlots();
    plan_->buffers.shrink_to_fit();
    plan_->operands.shrink_to_fit();
    plan_->numbers.shrink_to_fit();
    plan_->steps.shrink_to_fit();
    AddFetches(*plan_);
    return std::move(plan_);
  }

 private:
  void AddOp(size_t o) {
    const BoundOp& op = draft_.bound.ops[o];
    const Cut& cut = draft_.cuts[o];
    if (cut.axis >= 0) NoteStatesRead(op);
    PlannedOp planned;
    planned.name = op.name;
    planned.kind = op.program != nullptr ? op.program->name : op.op->name();
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

  void NoteStatesRead(const BoundOp& op) {
    for (const Layout& input : op.inputs) {
      if (input.storage < 0) continue;
      const Storage& storage = draft_.bound.storages[input.storage];
      if (storage.source == Storage::Source::kState) cut_readers_[storage.slot].push_back(&op);
    }
  }

  int64_t KernelScratch() const {
    int64_t bytes = 0;
    for (const BoundOp& op : draft_.bound.ops) bytes = std::max(bytes, op.prepared.scratch_bytes);
    return RoundUpToAlignment(bytes);
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
        Touch(step, root, Space::kScratch, NumElements(layout.dims) * DTypeSize(layout.dtype));
      } else if (home.space == Space::kArena) {
        operand.offset += memory_.arena_offset[root];
        Touch(step, root, Space::kArena, draft_.bound.storages[root].num_bytes());
      } else if (home.space == Space::kConstant) {
        operand.slot = ConstantSlot(root);
      }
    }
    operand.dims = AddNumbers(layout.dims, layout.strides);
    return operand;
  }

  // A step that is being added touches a value of the run state's.
  void Touch(int32_t step, int32_t root, Space space, int64_t bytes) {
    const auto [place, is_new] =
        buffers_.emplace(root, static_cast<int32_t>(plan_->buffers.size()));
    if (is_new) {
      Buffer buffer;
      buffer.space = space;
      buffer.op = draft_.steps[step].op;
      if (space == Space::kArena) buffer.offset = memory_.arena_offset[root];
      buffer.first_step = static_cast<int32_t>(plan_->steps.size());
      plan_->buffers.push_back(buffer);
    }
    Buffer& buffer = plan_->buffers[place->second];
    buffer.bytes = std::max(buffer.bytes, RoundUpToAlignment(bytes));
    touched_.push_back(place->second);
  }

  void AddCache(const BoundGraph::Cache& cache) {
    Step step;
    step.kernel = cache.op.kernel;
    step.prepared = cache.op.prepared.data.get();
    step.num_inputs = static_cast<int32_t>(cache.op.inputs.size());
    step.num_outputs = static_cast<int32_t>(cache.op.outputs.size());
    step.operands = static_cast<int32_t>(plan_->operands.size());
    for (const Layout& input : cache.op.inputs)
      plan_->operands.push_back(MakeOperand(-1, 0, input));
    for (const Layout& output : cache.op.outputs) {
      plan_->operands.push_back(MakeOperand(-1, 0, output));
    }
    step.origin = AddNumbers(Dims(2 * kMaxRank, 0), Dims());
    plan_->refreshes.push_back(step);
    plan_->keep.push_back(cache.op.prepared.data);
    plan_->cache_offsets.push_back(plan_->cache_bytes);
    plan_->cache_names.push_back(cache.op.name);
    const int64_t bytes = draft_.bound.storages[cache.storage].num_bytes();
    plan_->cache_bytes += RoundUpToAlignment(bytes);
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
    for (const int32_t step : draft.steps) {
      touched_.clear();
      AddStep(step);
      for (const int32_t buffer : touched_) {
        plan_->buffers[buffer].last_step = static_cast<int32_t>(plan_->steps.size()) - 1;
      }
    }
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
    step.writes_state = draft.writes_state;
    step.can_fail = op.op->can_fail() || (draft_.options->guard_states && !step.writes_state);
    step.fetches_ahead = op.op->fetches_ahead();
    step.num_inputs = static_cast<int32_t>(op.inputs.size());
    step.num_outputs = static_cast<int32_t>(op.outputs.size());
    step.operands = static_cast<int32_t>(plan_->operands.size());
    std::vector<Operand> operands;
    for (int i = 0; i < step.num_inputs + step.num_outputs; ++i) {
      operands.push_back(MakeOperand(index, i, CutOperand(op, cut, i, draft.piece)));
    }
    if (op.program != nullptr && AddDirectSteps(*op.program, step, operands)) return;
    plan_->operands.insert(plan_->operands.end(), operands.begin(), operands.end());
    Dims origin(std::max<size_t>(op.nest.axes.size(), 2 * kMaxRank), 0);
    if (cut.axis >= 0) origin[cut.axis] = cut.bounds[draft.piece];
    step.origin = AddNumbers(origin, Dims());
    step.shared = IsShared(op, step);
    if (op.block.run != nullptr) MakeDirect(op.block, step);
    plan_->steps.push_back(std::move(step));
  }

  absl::Span<const int64_t> DimsOf(const Operand& operand) const {
    return absl::MakeConstSpan(plan_->numbers).subspan(operand.dims, operand.rank);
  }
  absl::Span<const int64_t> StridesOf(const Operand& operand) const {
    return absl::MakeConstSpan(plan_->numbers).subspan(operand.dims + operand.rank, operand.rank);
  }

  bool IsContiguous(const Operand& operand) const {
    int64_t stride = 1;
    for (int d = operand.rank - 1; d >= 0; --d) {
      if (DimsOf(operand)[d] != 1 && StridesOf(operand)[d] != stride) return false;
      stride *= DimsOf(operand)[d];
    }
    return true;
  }

  bool IsUniform(const Operand& operand) const {
    for (int d = 0; d < operand.rank; ++d) {
      if (DimsOf(operand)[d] != 1 && StridesOf(operand)[d] != 0) return false;
    }
    return true;
  }

  // Whether several threads read what the step writes: weights of products that are cut, and
  // matrices packed for these. Panels go on where they are, and what only its own update reads
  // stays there.
  bool IsShared(const BoundOp& op, const Step& step) const {
    const Operand& output = plan_->operands[step.operands + step.num_inputs];
    if (!output.present || NumElements(DimsOf(output)) * DTypeSize(output.dtype) < kLeastToStream) {
      return false;
    }
    if (output.space == Space::kArena) return op.op == &PackOp();
    return output.space == Space::kState && IsReadInPieces(output.slot, op);
  }

  bool IsReadInPieces(int32_t slot, const BoundOp& update) const {
    const auto readers = cut_readers_.find(slot);
    return readers != cut_readers_.end() &&
           std::any_of(readers->second.begin(), readers->second.end(),
                       [&](const BoundOp* op) { return op != &update; });
  }

  // Operands of one shape, each row by row, need no walk over their dims.
  void MakeDirect(BlockFunction block, Step& step) const {
    const auto operands = absl::MakeConstSpan(plan_->operands)
                              .subspan(step.operands, step.num_inputs + step.num_outputs);
    const Operand& first = operands[step.num_inputs];
    if (!first.present) return;
    const int64_t elements = NumElements(DimsOf(first));
    for (const Operand& operand : operands) {
      if (!operand.present || operand.space == Space::kNone) return;
      if (NumElements(DimsOf(operand)) != elements || !IsContiguous(operand)) return;
    }
    step.block = block;
    step.elements = elements;
  }

  // The instructions of a program as steps of their own, with temporaries in scratch memory: where
  // all is one block, and operands lie row by row or are one element. False where not.
  bool AddDirectSteps(const FusedProgram& program, const Step& whole,
                      std::vector<Operand> operands) {
    const int64_t elements = NumElements(DimsOf(operands[program.num_inputs]));
    if (elements > program.block_elements) return false;
    const auto is_stretched = [&](const Operand& operand) {
      return elements > 1 && IsUniform(operand);
    };
    for (const Operand& operand : operands) {
      const bool fits = NumElements(DimsOf(operand)) == elements && IsContiguous(operand);
      if (!fits && !is_stretched(operand)) return false;
    }
    const int32_t dims = AddNumbers({elements}, {1});
    const auto in_slot = [&](int32_t slot, DType dtype) {
      Operand operand;
      operand.space = Space::kScratch;
      operand.dtype = dtype;
      operand.present = true;
      operand.rank = 1;
      operand.dims = dims;
      operand.offset = program.SlotOffset(slot);
      return operand;
    };
    Step step = whole;
    const size_t num_steps = plan_->steps.size();
    const auto add = [&](BlockFunction block, const std::vector<Operand>& of_step, int num_inputs) {
      step.block = block;
      step.elements = elements;
      step.operands = static_cast<int32_t>(plan_->operands.size());
      step.num_inputs = num_inputs;
      step.num_outputs = static_cast<int32_t>(of_step.size()) - num_inputs;
      step.writes_state = std::any_of(of_step.begin() + num_inputs, of_step.end(),
                                      [](const Operand& o) { return o.space == Space::kState; });
      plan_->operands.insert(plan_->operands.end(), of_step.begin(), of_step.end());
      plan_->steps.push_back(step);
    };
    for (int32_t i = 0; i < program.num_inputs; ++i) {
      if (!is_stretched(operands[i])) continue;
      const Operand stretched = in_slot(i, operands[i].dtype);
      add(FillBlock(DTypeSize(operands[i].dtype)), {operands[i], stretched}, 1);
      operands[i] = stretched;
    }
    for (const FusedProgram::Instruction& instruction : program.instructions) {
      std::vector<Operand> of_step;
      for (int32_t i = 0; i < instruction.num_inputs + instruction.num_outputs; ++i) {
        const int32_t slot = program.slots[instruction.first_slot + i];
        of_step.push_back(slot < static_cast<int32_t>(operands.size())
                              ? operands[slot]
                              : in_slot(slot, program.slot_types[instruction.first_slot + i]));
      }
      step.prepared = instruction.prepared;
      add(instruction.block, of_step, instruction.num_inputs);
    }
    const auto added = static_cast<double>(plan_->steps.size() - num_steps);
    for (size_t s = num_steps; s < plan_->steps.size(); ++s) plan_->steps[s].cost_ns /= added;
    return true;
  }

  void AddSlots() {
    const Graph& graph = *draft_.bound.graph;
    std::vector<bool> reads_input(graph.inputs().size());
    plan_->reads_state.resize(graph.states().size());
    plan_->writes_state.resize(graph.states().size());
    const auto note_slots = [&](const Step& step) {
      for (int i = 0; i < step.num_inputs + step.num_outputs; ++i) {
        const Operand& operand = plan_->operands[step.operands + i];
        if (operand.space == Space::kInput) reads_input[operand.slot] = true;
        if (operand.space != Space::kState) continue;
        if (operand.slot >= static_cast<int32_t>(graph.states().size())) continue;
        (i < step.num_inputs ? plan_->reads_state : plan_->writes_state)[operand.slot] = true;
      }
    };
    for (const Step& step : plan_->steps) note_slots(step);
    for (const Step& step : plan_->refreshes) note_slots(step);
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
  std::map<int32_t, std::vector<const BoundOp*>> cut_readers_;  // by state: cut ops that read it
  std::map<int32_t, int32_t> buffers_;                          // by storage: in Plan::buffers
  std::vector<int32_t> touched_;   // buffers of the step that is being added
  std::vector<double> finish_ns_;  // by task
};

}  // namespace

std::shared_ptr<const Plan> EmitPlan(const Draft& draft, const MemoryLayout& memory) {
  return Emitter(draft, memory).Emit();
}

}  // namespace flowgrad
