// A plan: everything about a run that is decided before it. Immutable, shared by any number of
// runs at once.
//
//   Graph, shapes ─► steps: a kernel and its operands, cut along an axis of the op's loop nest
//                 ─► tasks: lists of steps worth handing to a thread, and which tasks come before
//
// Operands are places (space, slot, offset), not pointers: a RunState (scheduler/run_state.h) turns
// them into pointers. A plan depends on graph, shapes and options, not on the number of threads.

#ifndef FLOWGRAD_SCHEDULER_PLAN_H_
#define FLOWGRAD_SCHEDULER_PLAN_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "ops/kernel.h"
#include "ops/tensor.h"

namespace flowgrad {

// Memory is aligned to this, in bytes.
inline constexpr int64_t kAlignment = 64;
constexpr int64_t RoundUpToAlignment(int64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

enum class Space : uint8_t {
  kNone,      // a port left out, or one of which only the shape is read
  kArena,     // of the run state
  kScratch,   // of the worker: values that live within one task
  kState,     // slot: the state; after those of the graph, the caches
  kConstant,  // slot: the constant
  kInput,     // slot: the graph's input, memory of the caller
  kOutput,    // slot: the fetch, memory of the caller
};

struct Operand {
  Space space = Space::kNone;
  DType dtype = DType::kFloat;
  bool present = false;
  int8_t rank = 0;
  int32_t slot = 0;
  int32_t dims = 0;    // in Plan::numbers: dims, then strides
  int64_t offset = 0;  // in bytes
};

struct Step {
  Kernel kernel = nullptr;  // null: the gate, see Plan
  BlockFunction block;      // where set, operands are `elements` elements each, one after the other
  int64_t elements = 0;
  const void* prepared = nullptr;
  uint64_t stream = 0;
  int32_t op = -1;    // in Plan::ops
  int64_t order = 0;  // node, then place of the piece: of several failures the first is reported
  int32_t operands = 0, num_inputs = 0, num_outputs = 0;  // inputs, then outputs
  int32_t origin = 0;                                     // in Plan::numbers
  bool can_fail = false, writes_state = false;
  bool shared = false;  // KernelContext::shared, where there are several threads
  bool fetches_ahead = false;
  int32_t first_soon = 0, num_soon = 0;  // in Plan::soon
  double cost_ns = 0;
};

// Cache lines, one after the other, that a step will touch soon.
struct SoonTouched {
  int32_t operand = 0;  // in Plan::operands
  int32_t lines = 0;
  int64_t offset = 0;     // from the operand's first element, in bytes
  bool shared = false;    // written by a step that is: nobody fetches what is streamed
  bool to_write = false;  // by a later step of the task
};

struct Task {
  int32_t first_step = 0, end_step = 0;
  std::vector<int32_t> before;  // tasks that must have run, transitively reduced; all have lower
                                // numbers
  double cost_ns = 0;
};

enum class CutKind : uint8_t {
  kWhole,
  kPanels,  // along the batch
  kTiles,   // along another axis of the outputs
  kParts,   // along a summed axis
};

// How an op was planned, for people.
struct PlannedOp {
  std::string name;  // of the node
  std::string kind;  // "MatMul"
  int32_t node = -1;
  bool added = false;  // by the planner, to serve the node
  CutKind cut = CutKind::kWhole;
  int64_t piece_size = 0;  // along the axis of the cut; the last piece may be shorter
  int32_t num_steps = 0;
  double cost_ns = 0;
};

// A value that an op writes into memory of the run state.
struct Buffer {
  Space space = Space::kArena;  // or kScratch: pieces of it, each within one task
  int32_t op = -1;              // in Plan::ops: who writes it first
  int64_t offset = 0;           // in the arena, in bytes
  int64_t bytes = 0;  // whole multiples of kAlignment; in scratch memory, of the largest piece
  int32_t first_step = 0, last_step = 0;  // in Plan::steps, that touch it
};

struct Plan {
  std::shared_ptr<const Graph> graph;
  std::vector<PlannedOp> ops;
  std::vector<Buffer> buffers;
  std::vector<Operand> operands;
  std::vector<int64_t> numbers;
  std::vector<Step> steps;        // task by task
  std::vector<SoonTouched> soon;  // what steps that fetch ahead fetch for those after them
  std::vector<Task> tasks;        // in an order in which they may run
  std::vector<Tensor> constants;

  struct Slot {
    int32_t index;  // of an input or state in the graph's list; of an output in the list of fetches
    DType dtype;
    Dims dims;
  };
  std::vector<Slot> inputs;                     // that are read
  std::vector<Slot> outputs;                    // every fetch, in order
  std::vector<bool> reads_state, writes_state;  // by state

  // Steps after the gate may write states in place; every step that can fail comes before it. So a
  // run that fails or is cancelled leaves the states as they were. -1: no state is written.
  int32_t gate_task = -1;

  // Caches hold what is worked out from states, packed weights, from one run to the next. Runs that
  // change a state change its caches; where others did, the refreshes make all of them anew.
  std::vector<Step> refreshes;           // one for each cache
  std::vector<int64_t> cache_offsets;    // in bytes, of each cache
  std::vector<std::string> cache_names;  // of the node that each serves
  int64_t cache_bytes = 0;

  int64_t arena_bytes = 0;
  int64_t scratch_bytes = 0;         // of each worker: kernel_scratch_bytes, then local values
  int64_t kernel_scratch_bytes = 0;  // of these, what kernels ask for
  int64_t guard_bytes = 0;           // behind each buffer: PlanOptions::canaries
  double work_ns = 0, critical_path_ns = 0;
  std::vector<std::shared_ptr<const void>> keep;  // what `prepared` points to
};

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_PLAN_H_
