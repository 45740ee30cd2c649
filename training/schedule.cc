#include "training/schedule.h"

#include <algorithm>
#include <cmath>

#include "proto/training.pb.h"

namespace flowgrad {
namespace {

constexpr double kDefaultFactor = 0.1;
// 1.1 epochs of 10 steps are 11 steps, though 1.1 * 10 is more than 11 in double.
constexpr double kHair = 1e-9;

}  // namespace

Schedule::Schedule(const ScheduleDef& def, double rate, int64_t num_steps, int64_t steps_per_epoch)
    : rate_(rate),
      warm_up_(def.warm_up()),
      num_steps_(std::max<int64_t>(1, num_steps - def.warm_up())),
      steps_per_epoch_(static_cast<double>(steps_per_epoch)) {
  if (def.has_cosine()) {
    kind_ = Kind::kCosine;
    end_ = def.cosine().end();
  } else if (def.has_step()) {
    kind_ = Kind::kStep;
    every_ = def.step().every();
    factor_ = def.step().has_factor() ? def.step().factor() : kDefaultFactor;
  } else if (def.has_exponential()) {
    kind_ = Kind::kExponential;
    factor_ = def.exponential().factor();
  }
}

double Schedule::Rate(int64_t step) const {
  if (step < warm_up_) {
    return rate_ * static_cast<double>(step + 1) / static_cast<double>(warm_up_);
  }
  const auto n = static_cast<double>(step - warm_up_);
  const double epoch = n / steps_per_epoch_;
  switch (kind_) {
    case Kind::kConstant:
      return rate_;
    case Kind::kCosine: {
      const double progress = std::min(1.0, n / static_cast<double>(num_steps_));
      return end_ + (rate_ - end_) * 0.5 * (1 + std::cos(M_PI * progress));
    }
    case Kind::kStep:
      return rate_ * std::pow(factor_, std::floor(epoch / every_ + kHair));
    case Kind::kExponential:
      return rate_ * std::pow(factor_, epoch);
  }
  return rate_;
}

}  // namespace flowgrad
