// Where values live: in the arena of a run state, or, within one task, in the worker's scratch
// memory.
//
// Two values share bytes of the arena only if every step that touches the first runs before every
// step that touches the second in any legal order: in the order of tasks, or within one task.

#ifndef FLOWGRAD_SCHEDULER_MEMORY_LAYOUT_H_
#define FLOWGRAD_SCHEDULER_MEMORY_LAYOUT_H_

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "scheduler/draft.h"
#include "scheduler/plan.h"
#include "scheduler/plan_options.h"

namespace flowgrad {

// Behind each value in either memory.
inline int64_t GuardBytes(const PlanOptions& options) { return options.canaries ? kAlignment : 0; }

struct MemoryLayout {
  std::vector<int64_t> arena_offset;  // by storage: of its root, in bytes
  int64_t arena_bytes = 0;

  // Of operands (step, number) that are local: where in the scratch memory, in bytes. They lie row
  // by row.
  std::map<std::pair<int32_t, int>, int64_t> local_offset;
  int64_t local_bytes = 0;  // the most that a task needs
};

MemoryLayout LayOutMemory(const Draft& draft);

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_MEMORY_LAYOUT_H_
