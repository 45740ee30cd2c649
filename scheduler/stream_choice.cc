#include "scheduler/stream_choice.h"

#include <algorithm>

namespace flowgrad {
namespace {

constexpr int kTrial = StreamChoice::kTurns * StreamChoice::kRunsOfTurn;

}  // namespace

void StreamChoice::Took(std::chrono::nanoseconds time) {
  const bool in_trial = run_ < kTrial;
  if (in_trial && run_ % kRunsOfTurn != 0) least_[streams_] = std::min(least_[streams_], time);
  ++run_;
  if (run_ == kTrial) return EndTrial();
  if (run_ == end_) {
    run_ = 0;
    least_.fill(kNever);
  }
  if (run_ < kTrial) streams_ = run_ / kRunsOfTurn % 2 == 0;
}

void StreamChoice::EndTrial() {
  const bool winner = least_[true] < least_[false];
  next_runs_ = winner == won_ ? std::min(2 * next_runs_, kMostRuns) : kLeastRuns;
  end_ = kTrial + next_runs_;
  streams_ = won_ = winner;
}

}  // namespace flowgrad
