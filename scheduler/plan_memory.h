// What a run of a plan holds in memory, known before any of it is taken.
//
// The figures are true for every schedule: places in the arena were given out for any order in
// which the tasks may run, and every worker has the scratch memory that the largest task needs.

#ifndef FLOWGRAD_SCHEDULER_PLAN_MEMORY_H_
#define FLOWGRAD_SCHEDULER_PLAN_MEMORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "scheduler/memory_limit.h"
#include "scheduler/plan.h"

namespace flowgrad {

struct PlanMemory {
  std::vector<MemoryPart> parts;    // in the order of MemoryKind, without those of nothing
  std::vector<MemoryOwner> owners;  // sorted
  int64_t arena_bytes = 0;
  int64_t gaps = 0;           // bytes of the arena in which nothing ever lies
  int workers = 1;            // that have scratch memory
  int64_t scratch_bytes = 0;  // of each
  int64_t total = 0;          // of what is held
  std::vector<int64_t> live;  // by step, in the order of the plan: bytes of the arena in use
};

// Of a run on so many threads.
PlanMemory MemoryOf(const Plan& plan, int threads);

// By kind, by node and over time, as text.
std::string MemoryText(const PlanMemory& memory, const Plan& plan, int threads);

// InvalidArgument if a run on so many threads would hold more.
absl::Status CheckMemoryLimit(const Plan& plan, int threads, MemoryLimit limit);

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_PLAN_MEMORY_H_
