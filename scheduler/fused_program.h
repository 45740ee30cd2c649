// A chain of elementwise ops, interpreted block by block.
//
// The block functions of all its ops run on a few hundred elements before the next block has its
// turn, so that what one hands to the next stays in the first-level cache and never has a place in
// memory. Element by element they do what they would do one after the other on whole tensors: the
// same bits.

#ifndef FLOWGRAD_SCHEDULER_FUSED_PROGRAM_H_
#define FLOWGRAD_SCHEDULER_FUSED_PROGRAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "ops/kernel.h"
#include "ops/op.h"

namespace flowgrad {

struct FusedProgram {
  struct Instruction {
    BlockFunction block;
    const void* prepared = nullptr;
    int32_t first_slot = 0, num_inputs = 0, num_outputs = 0;  // in `slots`
  };
  std::string name;  // "Mul+Add+Tanh", for people
  // Slots are numbered: the operands of the kernel, then temporaries.
  int32_t num_inputs = 0, num_outputs = 0, num_temporaries = 0;
  std::vector<Instruction> instructions;
  std::vector<int32_t> slots;           // of each instruction: its inputs, then its outputs
  std::vector<int32_t> operand_places;  // in `slots`, of those that are operands
  std::vector<DType> slot_types;        // of what is in them
  int64_t block_elements = 0;
  int64_t slot_bytes = 0;                         // of a block of the widest type
  std::vector<std::shared_ptr<const void>> keep;  // what `prepared` points to

  // Scratch memory holds a block for each slot; those of operands serve where they are strided or
  // broadcast. After them comes a pointer for each of `slots`.
  int64_t SlotOffset(int32_t slot) const { return slot * slot_bytes; }
  int64_t PointersOffset() const { return SlotOffset(num_inputs + num_outputs + num_temporaries); }
  int64_t ScratchBytes() const {
    return PointersOffset() + static_cast<int64_t>(slots.size() * sizeof(void*));
  }
};

// Operands that a program may have.
inline constexpr int kMostFusedOperands = 32;

// The op of a BoundOp whose prepared data is a FusedProgram. Inputs broadcast against output 0.
const OpDef& FusedOp();

// A block function that stretches one element of so many bytes.
BlockFunction FillBlock(int64_t element_bytes);

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_FUSED_PROGRAM_H_
