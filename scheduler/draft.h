// A plan while it is made: steps, what must run before each, and the tasks they are put into.

#ifndef FLOWGRAD_SCHEDULER_DRAFT_H_
#define FLOWGRAD_SCHEDULER_DRAFT_H_

#include <cstdint>
#include <random>
#include <vector>

#include "absl/status/status.h"
#include "scheduler/bound_graph.h"
#include "scheduler/cuts.h"
#include "scheduler/lower.h"
#include "scheduler/plan_options.h"

namespace flowgrad {

// A set of small numbers.
class BitSet {
 public:
  bool Has(int32_t i) const {
    const size_t word = static_cast<size_t>(i) / 64;
    return word < words_.size() && (words_[word] >> (i % 64) & 1) != 0;
  }
  void Add(int32_t i) {
    const size_t word = static_cast<size_t>(i) / 64;
    if (word >= words_.size()) words_.resize(word + 1);
    words_[word] |= uint64_t{1} << (i % 64);
  }
  void AddAll(const BitSet& other);
  void KeepOnly(const BitSet& other);
  bool Contains(const BitSet& other) const;

 private:
  std::vector<uint64_t> words_;
};

// The indices of a storage that a layout may touch: [begin, end) in each dim. Never too small.
struct Box {
  Dims begin, end;

  bool Overlaps(const Box& other) const;
  friend bool operator==(const Box& a, const Box& b) = default;
};
Box BoxOf(const Layout& layout, const Dims& storage_dims);

struct DraftStep {
  int32_t op = -1;  // -1: the gate
  int32_t piece = 0;
  bool writes_state = false;
  double cost_ns = 0;
  std::vector<int32_t> before;  // steps, ascending
};

struct DraftTask {
  std::vector<int32_t> steps;   // in order
  std::vector<int32_t> before;  // tasks, all of lower numbers, transitively reduced
  BitSet ancestors;
  double cost_ns = 0;
};

struct Draft {
  const PlanOptions* options = nullptr;
  std::mt19937_64* random = nullptr;  // null: no choice is drawn
  BoundGraph bound;
  std::vector<Home> homes;  // by storage
  std::vector<Cut> cuts;    // by op

  std::vector<int32_t> first_step;  // by op, and one past the last
  std::vector<DraftStep> steps;
  int32_t gate = -1;

  std::vector<DraftTask> tasks;
  std::vector<int32_t> task_of;  // by step
};

// Fills in steps: every piece of every op, the gate, and what must run before each.
void MakeSteps(Draft& draft);

// Fills in tasks. Internal if steps wait for each other.
absl::Status MakeTasks(Draft& draft);

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_DRAFT_H_
