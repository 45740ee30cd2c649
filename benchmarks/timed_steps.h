// Times a training step, and prints what came out: for the steps written by hand.

#ifndef FLOWGRAD_BENCHMARKS_TIMED_STEPS_H_
#define FLOWGRAD_BENCHMARKS_TIMED_STEPS_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"

namespace flowgrad {

struct StepOptions {
  int64_t batch = 1;
  double seconds = 2;
  std::string format = "text";  // or "json"
};

// Reads --batch (where it may be chosen), --seconds and --format. On a mistake, or --help, prints
// what is to be printed and returns false with the code to exit with.
bool ReadStepOptions(int argc, char** argv, const char* about, bool choose_batch,
                     StepOptions& options, int& exit_code);

// Runs step() for about so many seconds after a warm-up. The median over chunks of the run, each
// of which is long enough for the clock.
double StepsPerSecond(double seconds, absl::FunctionRef<void()> step);

// As one JSON object, or one line of text. `losses` are of the first steps.
void PrintSteps(const char* name, const StepOptions& options, double steps_per_second,
                absl::Span<const double> losses);

}  // namespace flowgrad

#endif  // FLOWGRAD_BENCHMARKS_TIMED_STEPS_H_
