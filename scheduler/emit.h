// The last act of planning: a draft becomes the plan that runs.

#ifndef FLOWGRAD_SCHEDULER_EMIT_H_
#define FLOWGRAD_SCHEDULER_EMIT_H_

#include <memory>

#include "scheduler/draft.h"
#include "scheduler/memory_layout.h"
#include "scheduler/plan.h"

namespace flowgrad {

// Every operand gets its place, every piece its steps: one, or the instructions of a fused program
// where they can run on plain arrays.
std::shared_ptr<const Plan> EmitPlan(const Draft& draft, const MemoryLayout& memory);

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_EMIT_H_
