// The learning rate of every step of a run. ScheduleDef in proto/training.proto says the formulas.
//
//   const Schedule schedule(training.schedule(), /*rate=*/0.1, num_steps, steps_per_epoch);
//   session->set_learning_rate(schedule.Rate(session->step()));

#ifndef FLOWGRAD_TRAINING_SCHEDULE_H_
#define FLOWGRAD_TRAINING_SCHEDULE_H_

#include <cstdint>

namespace flowgrad {

class ScheduleDef;

// Immutable; any number of threads.
class Schedule {
 public:
  // `rate` is the optimizer's own. REQUIRES: CheckSchedule() finds nothing wrong; num_steps and
  // steps_per_epoch are 1 or more
  Schedule(const ScheduleDef& def, double rate, int64_t num_steps, int64_t steps_per_epoch);

  // Of step `step` of the run, counted from 0. Past its end a cosine stays at its end.
  double Rate(int64_t step) const;

 private:
  enum class Kind : uint8_t { kConstant, kCosine, kStep, kExponential };

  Kind kind_ = Kind::kConstant;
  double rate_;
  int64_t warm_up_;
  int64_t num_steps_;  // after the warm-up
  double steps_per_epoch_;
  double end_ = 0;     // cosine
  double every_ = 1;   // step, in epochs
  double factor_ = 1;  // step, exponential
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_SCHEDULE_H_
