// The points of a plot's curves: which are drawn.

#include "training/plot_points.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace flowgrad {

double Drawable(double value) {
  if (!(std::abs(value) <= 1e300)) return std::numeric_limits<double>::quiet_NaN();
  return std::abs(value) < 1e-300 ? 0 : value;
}

bool IsDrawn(const PlotPoint& point) {
  return !std::isnan(Drawable(point.x)) && !std::isnan(Drawable(point.y));
}

std::vector<PlotPoint> Thinned(const std::vector<PlotPoint>& points, size_t most_points) {
  if (points.size() <= most_points) return points;
  const PlotPoint gap = {0, std::numeric_limits<double>::quiet_NaN()};
  std::vector<PlotPoint> thinned;
  const size_t stretches = most_points / 2 - 1;
  bool in_gap = false;
  const auto take = [&](size_t i) {
    if (in_gap) thinned.push_back(gap);
    in_gap = false;
    thinned.push_back(points[i]);
  };
  if (IsDrawn(points.front())) take(0);
  for (size_t stretch = 0; stretch < stretches; ++stretch) {
    const size_t begin = stretch * points.size() / stretches;
    const size_t end = (stretch + 1) * points.size() / stretches;
    std::optional<size_t> lowest, highest;
    bool gap_inside = false;
    for (size_t i = begin; i < end; ++i) {
      if (!IsDrawn(points[i])) {
        (lowest.has_value() ? gap_inside : in_gap) = true;
        continue;
      }
      if (!lowest.has_value() || points[i].y < points[*lowest].y) lowest = i;
      if (!highest.has_value() || points[i].y > points[*highest].y) highest = i;
    }
    if (!lowest.has_value()) continue;
    take(std::min(*lowest, *highest));
    if (*lowest != *highest) take(std::max(*lowest, *highest));
    in_gap = in_gap || gap_inside;
  }
  if (IsDrawn(points.back())) take(points.size() - 1);
  return thinned;
}

std::vector<PlotPoint> Smoothed(const std::vector<PlotPoint>& points, double span) {
  const double keep = span <= 1 ? 0 : 1 - 1 / span;
  // Of the points before each one, and, in a second sweep, of those after it.
  std::vector<double> sums(points.size()), weights(points.size());
  const auto sweep = [&](size_t i, double& sum, double& weight) {
    if (!IsDrawn(points[i])) return;
    sums[i] += sum;
    weights[i] += weight;
    sum = keep * (sum + points[i].y);
    weight = keep * (weight + 1);
  };
  double sum = 0, weight = 0;
  for (size_t i = 0; i < points.size(); ++i) sweep(i, sum, weight);
  sum = weight = 0;
  for (size_t i = points.size(); i-- > 0;) sweep(i, sum, weight);
  std::vector<PlotPoint> smoothed = points;
  for (size_t i = 0; i < points.size(); ++i) {
    if (IsDrawn(points[i])) smoothed[i].y = (sums[i] + points[i].y) / (weights[i] + 1);
  }
  return smoothed;
}

}  // namespace flowgrad
