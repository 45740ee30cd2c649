// Times a step that is run over and over.

#ifndef FLOWGRAD_TOOLS_STEP_TIMER_H_
#define FLOWGRAD_TOOLS_STEP_TIMER_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace flowgrad {

struct StepTimes {
  double steps_per_second = 0;  // the median over chunks of equally many steps
  // Of single steps: the last million of them.
  double p50_us = 0, p99_us = 0;
  int64_t steps = 0;  // timed
};

struct StepTiming {
  double seconds = 0;                       // how long to measure, about
  std::optional<int64_t> steps;             // or how many steps, in place of seconds
  std::function<void(double)> on_progress;  // called after chunks with the share done
};

// Runs `step` for a tenth of the time unmeasured, and then measures about 50 chunks of it, each at
// least one step. The clock is read once per step, which takes about 25 ns. Ends at the first step
// that fails, with its error.
absl::StatusOr<StepTimes> TimeSteps(const StepTiming& timing,
                                    const std::function<absl::Status()>& step);

}  // namespace flowgrad

#endif  // FLOWGRAD_TOOLS_STEP_TIMER_H_
