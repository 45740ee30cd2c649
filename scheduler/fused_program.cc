#include "scheduler/fused_program.h"

#include <algorithm>
#include <array>

#include "ops/block_space.h"
#include "ops/stream.h"

namespace flowgrad {
namespace {

static_assert(kMostFusedOperands <= BlockSpace::kMaxOperands);

// Of operands, in the slots of a program that walks over rows.
constexpr size_t kMostPlaces = 64;

class FusedRun {
 public:
  explicit FusedRun(const KernelContext& context)
      : context_(context),
        program_(context.prepared<FusedProgram>()),
        space_(context.outputs[0].shape(), context.shared),
        pointers_(reinterpret_cast<void**>(context.scratch + program_.PointersOffset())) {
    for (const View& input : context.inputs) space_.Add(input);
    for (const View& output : context.outputs) space_.Add(output);
    space_.Merge();
    for (size_t place = 0; place < program_.slots.size(); ++place) {
      pointers_[place] = Buffer(program_.slots[place]);
    }
  }

  void Run() {
    if (space_.num_elements() == 0) return;
    const int64_t row = space_.RowInPlace();
    const bool lies_on_end = space_.RowLength() > 0;
    if (row > 0 && row <= program_.block_elements && !lies_on_end &&
        program_.operand_places.size() <= kMostPlaces) {
      RunRows(row);
    } else {
      RunBlocks();
    }
    if (context_.shared) EndStream();
  }

 private:
  // A row that all rows read is laid out once for a block of several rows.
  void RunBlocks() {
    const int64_t elements = space_.num_elements(), row = space_.RowLength();
    const bool by_rows = row > 0 && 2 * row <= program_.block_elements;
    const int64_t most = by_rows ? program_.block_elements / row * row : program_.block_elements;
    const int64_t longest = std::min(most, elements);
    for (int i = 0; i < program_.num_inputs; ++i) {
      is_loaded_[i] = space_.IsUniform(i) || (by_rows && space_.IsRepeatedRow(i));
      if (is_loaded_[i]) operands_[i] = space_.Load(i, 0, longest, Buffer(i));
    }
    for (int64_t begin = 0, n; begin < elements; begin += n) {
      n = by_rows ? std::min(most, elements - begin) : space_.BlockAt(begin, most);
      RunBlock(begin, n);
    }
  }

  // Rows of a few dozen elements that lie apart: what is done for each is kept to the least.
  void RunRows(int64_t row) {
    for (int i = 0; i < program_.num_inputs + program_.num_outputs; ++i) {
      operands_[i] = space_.Load(i, 0, row, Buffer(i));
    }
    SetPointers();
    struct Move {
      std::byte** pointer;
      int64_t bytes;
    };
    std::array<Move, kMostPlaces> moves;  // local, so that nothing written can be taken for them
    int num_moves = 0;
    for (const int32_t place : program_.operand_places) {
      const int64_t bytes = space_.RowBytes(program_.slots[place]);
      if (bytes != 0)
        moves[num_moves++] = {reinterpret_cast<std::byte**>(pointers_ + place), bytes};
    }
    for (int64_t begin = 0; begin < space_.num_elements(); begin += row) {
      RunInstructions(row);
      for (int i = 0; i < num_moves; ++i) *moves[i].pointer += moves[i].bytes;
    }
  }

  void RunBlock(int64_t begin, int64_t n) {
    const int end = program_.num_inputs + program_.num_outputs;
    for (int i = 0; i < program_.num_inputs; ++i) {
      if (!is_loaded_[i]) operands_[i] = space_.Load(i, begin, n, Buffer(i));
    }
    for (int i = program_.num_inputs; i < end; ++i) {
      operands_[i] = space_.Target(i, begin, n, Buffer(i));
    }
    SetPointers();
    RunInstructions(n);
    for (int i = program_.num_inputs; i < end; ++i) {
      if (operands_[i] == Buffer(i)) space_.Store(i, begin, n, Buffer(i));
    }
  }

  void* Buffer(int slot) const { return context_.scratch + program_.SlotOffset(slot); }

  void SetPointers() {
    for (const int32_t place : program_.operand_places) {
      pointers_[place] = const_cast<void*>(operands_[program_.slots[place]]);
    }
  }

  void RunInstructions(int64_t n) {
    for (const FusedProgram::Instruction& instruction : program_.instructions) {
      void* const* const pointers = pointers_ + instruction.first_slot;
      instruction.block.run(pointers, pointers + instruction.num_inputs, n, instruction.prepared);
    }
  }

  const KernelContext& context_;
  const FusedProgram& program_;
  BlockSpace space_;
  void** const pointers_;  // of what each of `slots` stands for in this block
  const void* operands_[kMostFusedOperands];
  bool is_loaded_[kMostFusedOperands] = {};
};

template <class Word>
void Fill(const void* const* inputs, void* const* outputs, int64_t n, const void*) {
  std::fill_n(static_cast<Word*>(outputs[0]), n, *static_cast<const Word*>(inputs[0]));
}

}  // namespace

const OpDef& FusedOp() {
  static const auto* const op =
      new OpDef(OpDef("Fused", {"inputs*:any"}, {"outputs*:any"})
                    .Doc("Elementwise ops, block by block.", "fused(%*)")
                    .Kernels(AllTypes(),
                             []<class T>(const KernelContext& context) {
                               FusedRun(context).Run();
                               return absl::OkStatus();
                             })
                    .NoGradient("made by the planner, after differentiation"));
  return *op;
}

BlockFunction FillBlock(int64_t element_bytes) {
  switch (element_bytes) {
    case 1:
      return {Fill<uint8_t>};
    case 4:
      return {Fill<uint32_t>};
    default:
      return {Fill<uint64_t>};
  }
}

}  // namespace flowgrad
