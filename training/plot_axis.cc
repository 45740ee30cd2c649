// The scale of an axis of a plot, and its round ticks.
//
// A tick is a whole number times a power of ten, and is kept as these two until its label is
// written: no label shows how 0.1 is rounded.

#include "training/plot_axis.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "absl/strings/str_cat.h"

namespace flowgrad {
namespace {

// "1,234.50" for 123450 · 10⁻². `exponent` is from -5 to 7.
std::string Plain(int64_t number, int exponent) {
  for (; exponent > 0; --exponent) number *= 10;
  std::string digits = absl::StrCat(std::abs(number));
  const size_t decimals = -exponent;
  if (digits.size() <= decimals) digits.insert(0, decimals + 1 - digits.size(), '0');
  for (size_t i = digits.size() - decimals; i > 3; i -= 3) digits.insert(i - 3, 1, ',');
  if (decimals > 0) digits.insert(digits.size() - decimals, 1, '.');
  return absl::StrCat(number < 0 ? "−" : "", digits);
}

// "2.5×10" with the power "−7" for 25 · 10⁻⁸.
PlotTick Scientific(double value, int64_t number, int exponent) {
  std::string digits = absl::StrCat(std::abs(number));
  exponent += static_cast<int>(digits.size()) - 1;
  while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
  if (digits.size() > 1) digits.insert(1, 1, '.');
  return {value,
          absl::StrCat(number < 0 ? "−" : "", digits == "1" ? "" : absl::StrCat(digits, "×"), "10"),
          absl::StrCat(exponent < 0 ? "−" : "", std::abs(exponent))};
}

// A power of ten; std::pow gives 1e300 and 1e-300 no worse than one bit off.
double PowerOf10(int exponent) { return std::pow(10.0, exponent); }

double Times10(double number, int exponent) {
  return exponent < 0 ? number / PowerOf10(-exponent) : number * PowerOf10(exponent);
}

}  // namespace

PlotAxis::PlotAxis(double least, double most, const PlotAxisOptions& options)
    : log_scale_(options.log_scale) {
  const double size = std::max(std::abs(least), std::abs(most));
  if (most - least <= 1e-9 * size) {
    const double around = options.whole_numbers ? 1 : size == 0 ? 1 : size / 2;
    least -= around;
    most += around;
  }
  begin_ = log_scale_ ? std::log10(least) : least;
  end_ = log_scale_ ? std::log10(most) : most;
  const double padding = options.padding * (end_ - begin_);
  begin_ -= padding;
  end_ += padding;
  if (log_scale_ && end_ - begin_ > 1.2) {
    AddLogTicks(options.most_ticks);
  } else {
    AddLinearTicks(options);
  }
}

double PlotAxis::Place(double value) const {
  return ((log_scale_ ? std::log10(value) : value) - begin_) / (end_ - begin_);
}

void PlotAxis::AddLinearTicks(const PlotAxisOptions& options) {
  const double first = log_scale_ ? std::pow(10.0, begin_) : begin_;
  const double last = log_scale_ ? std::pow(10.0, end_) : end_;
  const double apart = (last - first) / options.most_ticks;
  int exponent = static_cast<int>(std::floor(std::log10(apart)));
  const double rest = Times10(apart, -exponent);
  constexpr double kRounding = 1 + 1e-9;
  int step = rest <= kRounding ? 1 : rest <= 2 * kRounding ? 2 : rest <= 5 * kRounding ? 5 : 10;
  if (step == 10 || (options.whole_numbers && exponent < 0)) {
    exponent = options.whole_numbers ? std::max(exponent + 1, 0) : exponent + 1;
    step = 1;
  }
  const double width = Times10(step, exponent);
  // A tick at an end of the axis is not lost to rounding.
  const auto begin = static_cast<int64_t>(std::ceil(first / width - 1e-6));
  const auto end = static_cast<int64_t>(std::floor(last / width + 1e-6));
  const double size = std::max(std::abs(first), std::abs(last));
  const bool plain = size < 1e7 && exponent >= -5;
  for (int64_t i = begin; i <= end; ++i) {
    const double value = Times10(static_cast<double>(i * step), exponent);
    if (plain || i == 0) {
      ticks_.push_back({value, i == 0 ? "0" : Plain(i * step, exponent), ""});
    } else {
      ticks_.push_back(Scientific(value, i * step, exponent));
    }
  }
}

void PlotAxis::AddLogTicks(int most_ticks) {
  const int first = static_cast<int>(std::floor(begin_)), last = static_cast<int>(std::ceil(end_));
  int decades_apart = 200;
  for (const int apart : {100, 50, 20, 10, 5, 2, 1}) {
    if (last - first <= most_ticks * apart) decades_apart = apart;
  }
  const bool plain = begin_ >= -3.5 && end_ <= 4.5;
  const bool labels_between = end_ - begin_ < 2;
  for (int exponent = first; exponent <= last; ++exponent) {
    for (int i = 1; i <= 9; ++i) {
      const double place = exponent + std::log10(i);
      if (place < begin_ - 1e-9 || place > end_ + 1e-9) continue;
      if (std::abs(place) > 300) continue;
      if ((i > 1 && decades_apart > 1) || (exponent % decades_apart != 0 && decades_apart > 2))
        continue;
      PlotTick tick = {Times10(i, exponent), "", ""};
      if (i == 1 ? exponent % decades_apart == 0 : labels_between && (i == 2 || i == 5)) {
        if (plain) {
          tick.label = Plain(i, exponent);
        } else {
          tick = Scientific(tick.value, i, exponent);
        }
      }
      ticks_.push_back(tick);
    }
  }
}

}  // namespace flowgrad
