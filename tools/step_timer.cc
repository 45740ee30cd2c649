#include "tools/step_timer.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/status_macros.h"

namespace flowgrad {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kChunks = 50;
constexpr int64_t kLeastChunks = 5;
constexpr int64_t kMostKept = int64_t{1} << 20;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// REQUIRES: `values` is not empty
template <class T>
double Percentile(std::vector<T> values, double share) {
  const auto place = static_cast<int64_t>(share * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), values.begin() + place, values.end());
  return values[place];
}

// Unmeasured steps, and how many of them a second has room for.
absl::StatusOr<double> WarmUp(double seconds, const std::function<absl::Status()>& step) {
  const Clock::time_point start = Clock::now();
  int64_t steps = 0;
  do {
    RETURN_IF_ERROR(step());
    ++steps;
  } while (SecondsSince(start) < seconds);
  return static_cast<double>(steps) / SecondsSince(start);
}

}  // namespace

absl::StatusOr<StepTimes> TimeSteps(const StepTiming& timing,
                                    const std::function<absl::Status()>& step) {
  int64_t chunk = 1;
  if (timing.steps) {
    chunk = std::max<int64_t>(1, *timing.steps / kChunks);
  } else {
    ASSIGN_OR_RETURN(const double rate, WarmUp(timing.seconds / 10, step));
    chunk = std::max<int64_t>(1, static_cast<int64_t>(rate * timing.seconds / kChunks));
  }
  std::vector<double> rates;
  std::vector<float> step_us;
  step_us.reserve(kMostKept);
  StepTimes times;
  const Clock::time_point start = Clock::now();
  for (bool done = false; !done;) {
    const int64_t size = timing.steps ? std::min(chunk, *timing.steps - times.steps) : chunk;
    const Clock::time_point chunk_start = Clock::now();
    Clock::time_point before = chunk_start;
    for (int64_t i = 0; i < size; ++i) {
      RETURN_IF_ERROR(step());
      const Clock::time_point after = Clock::now();
      const auto us = std::chrono::duration<float, std::micro>(after - before).count();
      before = after;
      if (times.steps < kMostKept) {
        step_us.push_back(us);
      } else {
        step_us[times.steps % kMostKept] = us;
      }
      ++times.steps;
    }
    rates.push_back(static_cast<double>(size) /
                    std::chrono::duration<double>(before - chunk_start).count());
    const double spent = SecondsSince(start);
    const auto chunks = static_cast<int64_t>(rates.size());
    done = timing.steps ? times.steps >= *timing.steps
                        : spent >= timing.seconds && chunks >= kLeastChunks;
    if (timing.on_progress == nullptr) continue;
    timing.on_progress(timing.steps
                           ? static_cast<double>(times.steps) / static_cast<double>(*timing.steps)
                           : std::min(1.0, spent / timing.seconds));
  }
  times.steps_per_second = Percentile(std::move(rates), 0.5);
  times.p50_us = Percentile(step_us, 0.5);
  times.p99_us = Percentile(std::move(step_us), 0.99);
  return times;
}

}  // namespace flowgrad
