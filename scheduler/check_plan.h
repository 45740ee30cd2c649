// Proves that a plan is safe, knowing nothing of how it was made.

#ifndef FLOWGRAD_SCHEDULER_CHECK_PLAN_H_
#define FLOWGRAD_SCHEDULER_CHECK_PLAN_H_

#include "absl/status/status.h"
#include "scheduler/plan.h"

namespace flowgrad {

// OK if
//   - tasks wait only for tasks before them, and every step is in one task,
//   - any two steps that touch the same byte, one of them writing, are ordered: by tasks, or in one
//     task,
//   - every byte that is read was written by a step before, or is the caller's, a state's or a
//     constant's, and nobody writes inputs or constants,
//   - a step that writes what it reads does so element for element,
//   - every step that can fail comes before the gate, and every write of a state after it,
//   - what a step fetches ahead is touched by steps of its task after it.
// Else Internal, naming two steps and the place. Looks at each byte's accesses one by one: for
// tests.
absl::Status CheckPlan(const Plan& plan);

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_CHECK_PLAN_H_
