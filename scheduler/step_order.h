// The order in which steps are put into tasks.

#ifndef FLOWGRAD_SCHEDULER_STEP_ORDER_H_
#define FLOWGRAD_SCHEDULER_STEP_ORDER_H_

#include <cstdint>
#include <vector>

#include "scheduler/draft.h"

namespace flowgrad {

// A topological order of the steps, or a list that is none if they wait for each other. Each step
// comes when the first of its readers needs it; the gate as soon as hardly anything is left of what
// it waits for, since an update can only go with its gradient if the gate came before. Where the
// draft draws its choices, any topological order. `successors`: by step, those that wait for it.
std::vector<int32_t> OrderSteps(const Draft& draft,
                                const std::vector<std::vector<int32_t>>& successors);

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_STEP_ORDER_H_
