// Finds where a run first makes a NaN or an infinity.

#ifndef FLOWGRAD_SCHEDULER_NUMERICS_CHECK_H_
#define FLOWGRAD_SCHEDULER_NUMERICS_CHECK_H_

#include "absl/status/status.h"
#include "ops/kernel.h"
#include "scheduler/plan.h"
#include "scheduler/run_state.h"

namespace flowgrad {

// Set as the observer of runs whose plan is made with NodeByNode(), it fails the first step, in the
// order of the graph, that made a NaN from numbers or an infinity from finite ones, with Aborted:
//
//   node "gradients/h/Div" (Div): made 3 NaN in the backward pass, the first at [1,7] of panel 2 of
//   4, which begins at 32; it read "dh" from -2.1 to 3.4 and "norm" from 0 to 0
//
// So does a step that gets one from a NaN or infinity that is fed, or that a state held before the
// run, or from a NaN constant; an infinite constant is a choice of the model's. What no result
// shows (a NaN that Where() does not choose) is not looked for. Only floats and doubles are looked
// at.
//
// Any number of runs at once may have the same check.
class NumericsCheck : public StepObserver {
 public:
  absl::Status AfterStep(const Plan& plan, int step, const KernelContext& context) override;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_NUMERICS_CHECK_H_
