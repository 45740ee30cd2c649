// What a plan may be told.

#ifndef FLOWGRAD_SCHEDULER_PLAN_OPTIONS_H_
#define FLOWGRAD_SCHEDULER_PLAN_OPTIONS_H_

#include <cstdint>
#include <optional>

namespace flowgrad {

// No option changes a bit of a result: see Note [The law of equal bits] in ops/kernel.h. The
// number of threads is not among them: a plan is the same for any.
struct PlanOptions {
  // Work worth handing to another thread; less is joined to what comes before it.
  double task_ns = 5'000;
  // What cuts aim at. A piece of a product has at least `min_rows` rows all the same.
  double piece_ns = 50'000;
  int64_t min_rows = 8;
  // A plan of less work than this is one task, and never leaves the calling thread.
  double serial_ns = 30'000;

  bool fold = true;      // floats that depend on nothing but constants are computed beforehand
  bool merge = true;     // ops that compute the same value become one
  bool fuse = true;      // elementwise ops that read each other run block by block
  bool pack = true;      // right factors of products are packed once per run
  bool cache = true;     // weights stay packed from run to run, and updates pack them anew
  bool in_place = true;  // an op's output may take its input's place
  bool local = true;     // values read in their own task only live in the worker's scratch memory
  bool reuse = true;     // values that cannot be alive together share memory

  // Every other op comes before the first write of a state, so that whatever is found to be wrong
  // in a run, or an observer finds, leaves the states as they were. Next states are copied for it.
  bool guard_states = false;

  // Bytes behind each buffer and piece in scratch memory that nothing may write:
  // tests/testing/canaries.h watches them. For tests.
  bool canaries = false;

  // Cuts, tasks and their order are drawn at random, all of them legal: for tests.
  std::optional<uint64_t> random_seed;
};

// Of a plan that can be looked into: each node is an op of its own, and what it read is still there
// when it has run.
inline PlanOptions NodeByNode() {
  PlanOptions options;
  options.fold = options.merge = options.fuse = options.pack = options.cache = options.in_place =
      false;
  options.guard_states = true;
  return options;
}

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_PLAN_OPTIONS_H_
