// Reading and writing blocks of strided, broadcast views: what elementwise work is made of.

#ifndef FLOWGRAD_OPS_BLOCK_SPACE_H_
#define FLOWGRAD_OPS_BLOCK_SPACE_H_

#include <cstdint>

#include "ops/kernel.h"

namespace flowgrad {

// Elements of a block: few enough that the operands of an op stay in the first-level cache.
inline constexpr int64_t kBlockElements = 1024;

// Index space shared by operands of one shape (or broadcast to it), with dims merged where all
// operands allow it.
class BlockSpace {
 public:
  static constexpr int kMaxOperands = 32;

  // Where `shared` blocks are written by way of a buffer and streamed (ops/stream.h): then call
  // EndStream() after the last.
  explicit BlockSpace(absl::Span<const int64_t> dims, bool shared = false);

  // Adds an operand, broadcast to the dims given; returns its number. Call Merge() after the last.
  int Add(const View& view);
  void Merge();

  int64_t num_elements() const { return num_elements_; }
  // Elements of the block that starts at `begin`, at most so many; blocks start at multiples of
  // that within each run of the innermost dim where that is long.
  int64_t BlockAt(int64_t begin, int64_t most = kBlockElements) const;

  // Whether all elements of an operand are one.
  bool IsUniform(int operand) const;
  // The length of a row where the space is rows of operands that lie on end, or are one row for
  // all, or uniform: blocks may then be several whole rows. Else 0.
  int64_t RowLength() const;
  // Whether an operand is one row for all. REQUIRES: RowLength() > 0
  bool IsRepeatedRow(int operand) const { return operands_[operand].strides[0] == 0; }

  // The length of a row where the space is rows that each lie in one piece in every operand, or are
  // one element for all: they can be walked in place, by RowBytes(). Else 0; also where they are so
  // short that gathering them into blocks costs less.
  int64_t RowInPlace() const;
  // From a row of an operand to the next, in bytes. REQUIRES: RowInPlace() > 0
  int64_t RowBytes(int operand) const {
    return operands_[operand].strides[0] * operands_[operand].size;
  }

  // A pointer to elements [begin, begin+n) of an operand, one after the other: in place where they
  // lie so, else copied to `buffer`.
  const void* Load(int operand, int64_t begin, int64_t n, void* buffer) const;
  // Where to write elements [begin, begin+n): in place, or `buffer`, which Store() then copies out.
  void* Target(int operand, int64_t begin, int64_t n, void* buffer) const;
  void Store(int operand, int64_t begin, int64_t n, const void* buffer) const;

 private:
  struct Operand {
    char* data;
    int64_t size;  // bytes of an element
    Dims strides;  // in elements, per dim of the space
    bool contiguous = false;
  };
  void MergeDims();
  // Address of elements [begin, begin+n) if they lie one after the other, else null.
  char* Direct(const Operand& operand, int64_t begin, int64_t n) const;
  template <class F>
  void ForEachRun(const Operand& operand, int64_t begin, int64_t n, F f) const;

  Dims dims_;
  int64_t num_elements_;
  bool shared_;
  int num_operands_ = 0;
  Operand operands_[kMaxOperands];
};

// Copies `from`, broadcast, to `to` of the same dtype, in any strides.
void CopyElements(const View& from, const View& to);

// Sets all elements to 0, or false.
void FillWithZeros(const View& to);

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_BLOCK_SPACE_H_
