// What a kernel sees, and how an op states the ways it may be cut.
//
// Note [The law of equal bits]
// The bits of an element depend on op, dtype, attributes, whole shapes and the element's index, and
// on nothing else: not on how the op was cut, in which buffer it lies, what stands beside it, or
// how many threads run. A kernel is therefore called on *views* cut from whole tensors and must
// give, element by element, the bits of the whole. What follows for kernels: no libm in float,
// multiply-adds fused only where written, sums only through ops/sum.h, products only through
// ops/product.h. tests/op_conformance_test.cc calls every op on random cuts.

#ifndef FLOWGRAD_OPS_KERNEL_H_
#define FLOWGRAD_OPS_KERNEL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "ops/fetch_ahead.h"
#include "ops/tensor.h"

namespace flowgrad {

// All that changes from one run of a graph to the next, besides its inputs and state.
struct StepValues {
  uint64_t seed = 0;         // of the training run
  int64_t step = 0;          // from 0
  int64_t first_sample = 0;  // place of this batch's first sample in the whole batch
};

// An axis of an op's loops.
struct Axis {
  enum Kind : uint8_t {
    // Elements along it do not depend on each other: cut anywhere at multiples of `grain`.
    kParallel,
    // Summed: with a grain g, parts of g·2^j are summed alone and joined by TreeJoin (ops/sum.h).
    kReduced,
    // Cut into pieces that run in order.
    kSequential,
  };
  int64_t size = 0;  // -1 while symbolic
  Kind kind = kParallel;
  int64_t grain = 1;  // 0 for a reduced axis that is never cut
};

// Which dim of which operand runs along which axis; see Loops() in ops/op.h.
struct LoopNest {
  std::vector<Axis> axes;
  // Inputs, then outputs; per dim its axis, or -1 for a dim that every cut needs whole.
  std::vector<std::vector<int8_t>> operands;
};

// What a node works out once from attributes and whole shapes.
struct Prepared {
  std::shared_ptr<const void> data;
  int64_t scratch_bytes = 0;  // enough for any cut
};

template <class P>
Prepared MakePrepared(P value, int64_t scratch_bytes = 0) {
  return {std::make_shared<const P>(std::move(value)), scratch_bytes};
}

struct KernelContext {
  absl::Span<const View> inputs;   // by port, already cut; an absent optional port is not present()
  absl::Span<const View> outputs;  // by port; written, never read and never added into
  absl::Span<const int64_t> origin;  // where the cut starts, per axis of the loop nest
  const void* prepared_data = nullptr;
  const StepValues* values = nullptr;
  uint64_t stream = 0;           // key of this node's random numbers
  std::byte* scratch = nullptr;  // Prepared::scratch_bytes, 64-byte aligned
  // Other threads have read what was in the outputs, and will read what is written: see
  // ops/stream.h. Of use to kernels that copy.
  bool shared = false;
  // How far into an input that all threads read to begin, in [0, 1): threads that begin together
  // each fetch another part from memory, and find the rest in the cache they share.
  double entry = 0;
  // What the steps after it will touch, for ops that declare FetchesAhead().
  absl::Span<const CacheLines> soon;

  template <class P>
  const P& prepared() const {
    return *static_cast<const P*>(prepared_data);
  }
  FetchAhead Ahead() const { return {soon.data(), soon.data() + soon.size()}; }
};

// Threads: kernels keep no state and may run at once on different outputs. They never throw and
// never allocate. Only ops declared CanFail() return an error, and say in it only what concerns
// their ports.
using Kernel = absl::Status (*)(const KernelContext&);

// The arithmetic of an elementwise op for one dtype: n elements in, n elements out, per port. An
// output may be the same memory as an input. Element i of the outputs depends on element i of the
// inputs alone.
struct BlockFunction {
  void (*run)(const void* const* inputs, void* const* outputs, int64_t n,
              const void* prepared) = nullptr;
};

// Runs a block function on whole views: the one place where elementwise ops are broadcast, cut into
// blocks and gathered from strides. Inputs broadcast against output 0 as ONNX says.
void RunElementwise(const KernelContext& context, BlockFunction block);

}  // namespace flowgrad

#endif  // FLOWGRAD_OPS_KERNEL_H_
