// The scale of an axis of a plot, and its round ticks.

#ifndef FLOWGRAD_TRAINING_PLOT_AXIS_H_
#define FLOWGRAD_TRAINING_PLOT_AXIS_H_

#include <string>
#include <vector>

namespace flowgrad {

struct PlotTick {
  double value = 0;
  std::string label;  // "0.05", "1,000", "2×10"; "" for the ticks between
  std::string power;  // to be raised behind it: "−7"
};

struct PlotAxisOptions {
  bool log_scale = false;      // needs values above 0
  bool whole_numbers = false;  // no ticks between them
  double padding = 0;          // share of the range that is added at each end
  int most_ticks = 6;
};

class PlotAxis {
 public:
  // Numbers from 1e-300 to 1e300, of either sign, and 0; least <= most. Equal ones are in the
  // middle of a range.
  PlotAxis(double least, double most, const PlotAxisOptions& options);

  // From 0 at the begin of the axis to 1 at its end.
  double Place(double value) const;
  // Rising; labels are 1, 2 or 5 times a power of ten apart, or stand at 1, 2 and 5 times powers of
  // ten on a logarithmic scale.
  const std::vector<PlotTick>& ticks() const { return ticks_; }

 private:
  void AddLinearTicks(const PlotAxisOptions& options);
  void AddLogTicks(int most_ticks);

  bool log_scale_;
  double begin_;
  double end_;
  std::vector<PlotTick> ticks_;
};

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_PLOT_AXIS_H_
