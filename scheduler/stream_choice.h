// Whether to stream what several threads read (ops/stream.h): found out by trying.
//
// Cores that share a cache hand each other lines for little, and streaming has them wait for main
// memory; between cores that do not, a store to a line that the other has read costs ten times as
// much. Which it is changes while a program runs: systems move threads, and virtual machines their
// processors. So runs are timed both ways now and then. The bits are the same either way.

#ifndef FLOWGRAD_SCHEDULER_STREAM_CHOICE_H_
#define FLOWGRAD_SCHEDULER_STREAM_CHOICE_H_

#include <array>
#include <chrono>

namespace flowgrad {

class StreamChoice {
 public:
  // A trial is turns of so many runs, streaming and not. The first run of a turn does not count: it
  // reads what the other way left.
  static constexpr int kTurns = 4, kRunsOfTurn = 4;
  // Runs between a trial and the next: doubled each time the outcome is the same.
  static constexpr int kLeastRuns = 100, kMostRuns = 1600;

  // Whether the next run is to stream.
  bool streams() const { return streams_; }

  // The run that was to come took so long.
  void Took(std::chrono::nanoseconds time);

 private:
  void EndTrial();

  static constexpr std::chrono::nanoseconds kNever = std::chrono::nanoseconds::max();

  bool streams_ = true, won_ = true;
  int run_ = 0;  // since the trial began
  int end_ = 0;  // of the runs after it
  int next_runs_ = kLeastRuns;
  std::array<std::chrono::nanoseconds, 2> least_ = {kNever, kNever};  // by way
};

}  // namespace flowgrad

#endif  // FLOWGRAD_SCHEDULER_STREAM_CHOICE_H_
