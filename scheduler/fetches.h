// What products fetch for the steps that follow them: ops/fetch_ahead.h.

#ifndef FLOWGRAD_SCHEDULER_FETCHES_H_
#define FLOWGRAD_SCHEDULER_FETCHES_H_

#include "scheduler/plan.h"

namespace flowgrad {

// Gives every step that fetches ahead what the steps of its task touch after it, up to the next
// that does, as far as the task has not touched it and it is memory of the run state or of a state.
void AddFetches(Plan& plan);

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_FETCHES_H_
