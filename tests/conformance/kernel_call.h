// A kernel called on pieces of whole tensors, stored in any way: what a planner may do, at random.

#ifndef FLOWGRAD_TESTS_CONFORMANCE_KERNEL_CALL_H_
#define FLOWGRAD_TESTS_CONFORMANCE_KERNEL_CALL_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ops/run_op.h"
#include "tests/conformance/row.h"
#include "tests/testing/tensors.h"

namespace flowgrad {

// Where the elements of a tensor lie: in which order of dims, how far apart, which dims backwards,
// how far from an aligned address.
struct Layout {
  std::vector<int> order;  // dims, outermost first
  std::vector<int64_t>
      gaps;  // elements left out, after each element and after each dim of `order` but the first
  std::vector<bool> backwards;  // by dim
  int64_t shift = 0;            // elements
};
Layout PlainLayout(int rank);
Layout RandomLayout(int rank, Random& random);

// Memory of a tensor in a layout. What is not an element holds a pattern that nobody may change.
class StoredTensor {
 public:
  // Elements hold the pattern, too.
  StoredTensor(DType dtype, const Dims& dims, const Layout& layout);
  // Elements are those of `value`.
  StoredTensor(const Tensor& value, const Layout& layout);
  StoredTensor(const StoredTensor&) = delete;
  StoredTensor& operator=(const StoredTensor&) = delete;

  const View& view() const { return view_; }
  Tensor Value() const;
  // Whether every byte but those of elements is as it was.
  bool PatternIsIntact() const;

 private:
  Dims dims_, strides_;
  Tensor memory_;  // bytes
  View view_;
};

// A piece: [begin, end) per axis of the loop nest.
using Cut = std::vector<std::pair<int64_t, int64_t>>;

// A row's kernel, with all that is worked out once from whole shapes.
class KernelCall {
 public:
  // For `dtype` as T. REQUIRES: the op has a kernel
  static absl::StatusOr<KernelCall> Make(const Row& row, DType dtype, uint64_t seed = 1);

  const Row& row() const { return *row_; }
  const ShapeContext& shapes() const { return call_->shapes(); }
  const std::vector<Tensor>& inputs() const { return call_->inputs(); }
  int num_outputs() const { return shapes().num_outputs(); }
  const std::vector<Tensor>& whole() const { return whole_; }  // the outputs in one piece
  const LoopNest& nest() const { return nest_; }
  // The axes that an operand (inputs, then outputs) has along its dims.
  const std::vector<int8_t>& AxesOf(int operand) const { return nest_.operands[operand]; }

  Cut WholeCut() const;
  // Pieces that fill the nest: one to three of the parallel axes are cut into one to five parts at
  // random multiples of the grain.
  std::vector<Cut> RandomCuts(Random& random) const;
  // Pairs (output, input) that may be one buffer.
  std::vector<std::pair<int, int>> InPlacePairs() const;

  // Calls the kernel on a piece of whole operands. Inputs of which only the shape is read come
  // without memory.
  absl::Status Run(const std::vector<View>& inputs, const std::vector<View>& outputs,
                   const Cut& cut) const;

 private:
  const Row* row_;
  std::shared_ptr<Attributes> attributes_;
  std::shared_ptr<OpCall> call_;
  Prepared prepared_;
  LoopNest nest_;
  std::vector<Tensor> whole_;
  Kernel kernel_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TESTS_CONFORMANCE_KERNEL_CALL_H_
