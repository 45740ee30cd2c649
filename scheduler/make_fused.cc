#include "scheduler/make_fused.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ops/block_space.h"
#include "scheduler/fused_program.h"

namespace flowgrad {
namespace {

// Of a block of each slot of a program, so that they stay in the first-level cache.
constexpr int64_t kBytesOfBlocks = 24 << 10;
constexpr int64_t kLeastBlock = 256, kBlockStep = 64;
// Of the cost of the ops alone: no value passes through memory.
constexpr double kCostOfFused = 0.5;
constexpr size_t kMostNamed = 4;

// Turns ops into instructions. A temporary's slot is free again after its last reader.
class ProgramWriter {
 public:
  ProgramWriter(const BoundGraph& bound, const std::vector<int32_t>& ops,
                const std::vector<Layout>& inputs, const std::vector<Layout>& outputs)
      : bound_(bound), ops_(ops), inputs_(inputs), outputs_(outputs) {
    program_.num_inputs = static_cast<int32_t>(inputs.size());
    program_.num_outputs = static_cast<int32_t>(outputs.size());
    for (size_t i = 0; i < ops.size(); ++i) {
      for (const Layout& input : bound.ops[ops[i]].inputs) last_read_[input.storage] = i;
    }
  }

  FusedProgram Write() {
    for (size_t i = 0; i < ops_.size(); ++i) {
      const BoundOp& op = bound_.ops[ops_[i]];
      FusedProgram::Instruction instruction;
      instruction.block = op.block;
      instruction.prepared = op.prepared.data.get();
      program_.keep.push_back(op.prepared.data);
      instruction.first_slot = static_cast<int32_t>(program_.slots.size());
      instruction.num_inputs = static_cast<int32_t>(op.inputs.size());
      instruction.num_outputs = static_cast<int32_t>(op.outputs.size());
      for (const Layout& input : op.inputs) AddSlot(SlotOfInput(input), input.dtype);
      // An output may take the place of an input of its own type, element for element.
      for (const Layout& input : op.inputs) {
        if (HasOnly(op.outputs, input.dtype)) Release(input.storage, i);
      }
      for (const Layout& output : op.outputs) AddSlot(SlotOfOutput(output), output.dtype);
      for (const Layout& input : op.inputs) Release(input.storage, i);
      for (const Layout& output : op.outputs) {
        if (last_read_.count(output.storage) == 0) Release(output.storage, i);
      }
      program_.instructions.push_back(instruction);
    }
    const int64_t slots = program_.num_inputs + program_.num_outputs + program_.num_temporaries;
    program_.block_elements = std::clamp(
        kBytesOfBlocks / (widest_ * slots) / kBlockStep * kBlockStep, kLeastBlock, kBlockElements);
    program_.slot_bytes = program_.block_elements * widest_;
    for (size_t place = 0; place < program_.slots.size(); ++place) {
      if (program_.slots[place] < program_.num_inputs + program_.num_outputs) {
        program_.operand_places.push_back(static_cast<int32_t>(place));
      }
    }
    return std::move(program_);
  }

 private:
  static bool HasOnly(const std::vector<Layout>& layouts, DType dtype) {
    return std::all_of(layouts.begin(), layouts.end(),
                       [&](const Layout& layout) { return layout.dtype == dtype; });
  }

  void AddSlot(int32_t slot, DType dtype) {
    program_.slots.push_back(slot);
    program_.slot_types.push_back(dtype);
    widest_ = std::max(widest_, DTypeSize(dtype));
  }

  int32_t SlotOfInput(const Layout& input) {
    const auto made = slot_of_.find(input.storage);
    if (made != slot_of_.end()) return made->second;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (SameLayout(inputs_[i], input)) return static_cast<int32_t>(i);
    }
    return -1;
  }

  int32_t SlotOfOutput(const Layout& output) {
    for (size_t i = 0; i < outputs_.size(); ++i) {
      if (outputs_[i].storage == output.storage) {
        return slot_of_[output.storage] = program_.num_inputs + static_cast<int32_t>(i);
      }
    }
    if (free_.empty()) {
      free_.push_back(program_.num_inputs + program_.num_outputs + program_.num_temporaries);
      ++program_.num_temporaries;
    }
    const int32_t slot = free_.back();
    free_.pop_back();
    return slot_of_[output.storage] = slot;
  }

  // After the last instruction that needs it, once.
  void Release(int32_t storage, size_t instruction) {
    const auto made = slot_of_.find(storage);
    if (made == slot_of_.end()) return;
    if (made->second < program_.num_inputs + program_.num_outputs) return;
    const auto last = last_read_.find(storage);
    if (last != last_read_.end() && last->second != instruction) return;
    free_.push_back(made->second);
    slot_of_.erase(made);
  }

  const BoundGraph& bound_;
  const std::vector<int32_t>& ops_;
  const std::vector<Layout>&inputs_, &outputs_;
  FusedProgram program_;
  int64_t widest_ = 1;
  std::map<int32_t, size_t> last_read_;  // by storage
  std::map<int32_t, int32_t> slot_of_;   // by storage, of what ops of the program made
  std::vector<int32_t> free_;
};

// The pairs that may be one buffer: the output is written by the last instruction that reads the
// input, or later.
std::vector<std::pair<int, int>> InPlacePairs(const FusedProgram& program) {
  const int operands = program.num_inputs + program.num_outputs;
  std::vector<int> last_read(operands, -1), written(operands, -1);
  for (int i = 0; i < static_cast<int>(program.instructions.size()); ++i) {
    const FusedProgram::Instruction& instruction = program.instructions[i];
    const int32_t* const slots = &program.slots[instruction.first_slot];
    for (int j = 0; j < instruction.num_inputs; ++j) {
      if (slots[j] < program.num_inputs) last_read[slots[j]] = i;
    }
    for (int j = 0; j < instruction.num_outputs; ++j) {
      const int32_t slot = slots[instruction.num_inputs + j];
      if (slot < operands) written[slot] = i;
    }
  }
  std::vector<std::pair<int, int>> pairs;
  for (int output = 0; output < program.num_outputs; ++output) {
    for (int input = 0; input < program.num_inputs; ++input) {
      if (last_read[input] <= written[program.num_inputs + output]) {
        pairs.emplace_back(output, input);
      }
    }
  }
  return pairs;
}

// Inputs broadcast against the outputs, from the last dim on.
LoopNest NestOf(const BoundOp& op) {
  LoopNest nest;
  const Dims& dims = op.outputs[0].dims;
  for (const int64_t size : dims) nest.axes.push_back({.size = size});
  const auto add = [&](const Layout& layout) {
    std::vector<int8_t> axes;
    for (size_t d = 0; d < layout.dims.size(); ++d) {
      const size_t axis = d + dims.size() - layout.dims.size();
      axes.push_back(layout.dims[d] == dims[axis] ? static_cast<int8_t>(axis) : int8_t{-1});
    }
    nest.operands.push_back(std::move(axes));
  };
  for (const Layout& input : op.inputs) add(input);
  for (const Layout& output : op.outputs) add(output);
  return nest;
}

// "Mul+Add+Tanh", "Mul+Add+Tanh+Mul+... (20 ops)".
std::string NameOf(const BoundGraph& bound, const std::vector<int32_t>& ops) {
  std::string name;
  for (size_t i = 0; i < std::min(ops.size(), kMostNamed); ++i) {
    absl::StrAppend(&name, i == 0 ? "" : "+", bound.ops[ops[i]].op->name());
  }
  if (ops.size() > kMostNamed) absl::StrAppend(&name, "+... (", ops.size(), " ops)");
  return name;
}

}  // namespace

BoundOp MakeFused(const BoundGraph& bound, const std::vector<int32_t>& ops,
                  std::vector<Layout> inputs, std::vector<Layout> outputs) {
  const BoundOp& last = bound.ops[ops.back()];
  BoundOp fused;
  fused.op = &FusedOp();
  fused.node = last.node;
  fused.name = last.name;
  fused.inputs = std::move(inputs);
  fused.outputs = std::move(outputs);
  fused.kernel = FusedOp().kernel(DType::kFloat);
  fused.nest = NestOf(fused);
  for (const int32_t o : ops) fused.cost_ns += kCostOfFused * bound.ops[o].cost_ns;
  FusedProgram program = ProgramWriter(bound, ops, fused.inputs, fused.outputs).Write();
  program.name = NameOf(bound, ops);
  fused.in_place = InPlacePairs(program);
  const int64_t scratch_bytes = program.ScratchBytes();
  fused.prepared = MakePrepared(std::move(program), scratch_bytes);
  fused.program = static_cast<const FusedProgram*>(fused.prepared.data.get());
  return fused;
}

}  // namespace flowgrad
