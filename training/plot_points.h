// The points of a plot's curves: which are drawn.

#ifndef FLOWGRAD_TRAINING_PLOT_POINTS_H_
#define FLOWGRAD_TRAINING_PLOT_POINTS_H_

#include <cstddef>
#include <vector>

#include "training/line_plot.h"

namespace flowgrad {

// A number as the axes take it, or NaN for one that is not drawn.
double Drawable(double value);

bool IsDrawn(const PlotPoint& point);

// All points, or, if they are more than `most_points`, of each of many stretches the lowest and the
// highest in their order, and the first and the last of all. A gap within a stretch is put behind
// it.
std::vector<PlotPoint> Thinned(const std::vector<PlotPoint>& points, size_t most_points);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_PLOT_POINTS_H_
