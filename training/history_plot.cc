// A run as a picture: its history as an SVG.

#include "training/history_plot.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "training/line_plot.h"

namespace flowgrad {
namespace {

// Fewer values are drawn as they are.
constexpr size_t kFewestToSmooth = 100;

// One colour for each kind of number: of the training part, of the test part, set by the user.
enum Color { kTraining = 0, kTest = 1, kSetting = 2 };

// The values as they are, and if they are many the average over a hundredth of them: a longer one
// would run visibly behind.
void AddCurves(std::string name, std::vector<PlotPoint> points, int color, PlotPanel& panel) {
  const bool many = points.size() >= kFewestToSmooth;
  PlotCurve raw = {
      .name = name, .points = std::move(points), .color = color, .faint = many, .marks = !many};
  if (!many) {
    panel.curves.push_back(std::move(raw));
    return;
  }
  PlotCurve smooth = {.name = absl::StrCat(name, ", smoothed"),
                      .points = Smoothed(raw.points, std::max(3.0, raw.points.size() / 100.0)),
                      .color = color};
  panel.curves.push_back(std::move(raw));
  panel.curves.push_back(std::move(smooth));
}

std::vector<PlotPoint> Points(const History& history, double HistoryRow::*value) {
  std::vector<PlotPoint> points;
  for (const HistoryRow& row : history.rows()) {
    points.push_back({static_cast<double>(row.step), row.*value});
  }
  return points;
}

std::vector<PlotPoint> MeasuredPoints(const History& history, size_t metric) {
  std::vector<PlotPoint> points;
  for (const HistoryRow& row : history.rows()) {
    if (!row.metrics[metric].has_value()) continue;
    points.push_back({static_cast<double>(row.step), *row.metrics[metric]});
  }
  return points;
}

bool SpansTwoDecades(const PlotPanel& panel) {
  double least = INFINITY, most = 0;
  for (const PlotCurve& curve : panel.curves) {
    for (const PlotPoint& point : curve.points) {
      if (!std::isfinite(point.y)) continue;
      least = std::min(least, point.y);
      most = std::max(most, point.y);
    }
  }
  return least > 0 && most > 100 * least;
}

std::string Subtitle(const History& history) {
  if (history.rows().empty()) return "no steps";
  const HistoryRow& last = history.rows().back();
  std::string text =
      absl::StrFormat("%.4g epoch%s, %.3g s", last.epoch, last.epoch == 1 ? "" : "s", last.seconds);
  int64_t gaps = 0;
  for (const HistoryRow& row : history.rows()) gaps += std::isfinite(row.loss) ? 0 : 1;
  if (gaps > 0) {
    absl::StrAppend(&text, "; gaps: the loss of ", gaps, gaps == 1 ? " row is" : " rows is",
                    " not finite");
  }
  return text;
}

}  // namespace

std::string HistoryPlot(const History& history, absl::string_view title) {
  LinePlot plot = {.title = std::string(title),
                   .subtitle = Subtitle(history),
                   .x_label = "step",
                   .whole_x = true};
  PlotPanel loss = {.title = "loss", .height = 190};
  AddCurves("training", Points(history, &HistoryRow::loss), kTraining, loss);
  std::vector<PlotPanel> others;
  for (size_t i = 0; i < history.metrics().size(); ++i) {
    const std::string& metric = history.metrics()[i];
    if (metric == "loss") {
      AddCurves("test", MeasuredPoints(history, i), kTest, loss);
      continue;
    }
    PlotPanel panel = {.title = absl::StrCat("test_", metric)};
    AddCurves("measured", MeasuredPoints(history, i), kTest, panel);
    others.push_back(std::move(panel));
  }
  loss.log_scale = SpansTwoDecades(loss);
  plot.panels.push_back(std::move(loss));
  for (PlotPanel& panel : others) plot.panels.push_back(std::move(panel));
  plot.panels.push_back({.title = "learning_rate",
                         .curves = {{.points = Points(history, &HistoryRow::learning_rate),
                                     .color = kSetting,
                                     .marks = history.rows().size() < kFewestToSmooth}},
                         .height = 90});
  return LinePlotSvg(plot);
}

}  // namespace flowgrad
