// Curves as an SVG: panels one under another that share the x axis.
//
//   LinePlot plot;
//   plot.title = "Accuracy by the size of the training part";
//   plot.x_label = "training samples";
//   plot.panels = {{.title = "accuracy", .curves = {{.name = "k = 5", .points = {{100, 0.7}}}}}};
//   WriteFileAtomically("accuracy.svg", LinePlotSvg(plot));
//
// Any text is text in the picture, and any number is drawn or is a gap: NaN, infinities and numbers
// beyond 1e300. A curve of very many points is drawn with at most 2,000, among them the highest and
// the lowest of each stretch, so that no spike is lost; the file stays below 200 KB.

#ifndef FLOWGRAD_TRAINING_LINE_PLOT_H_
#define FLOWGRAD_TRAINING_LINE_PLOT_H_

#include <string>
#include <vector>

namespace flowgrad {

struct PlotPoint {
  double x = 0;
  double y = 0;
};

struct PlotCurve {
  std::string name = "";               // in the legend, if the panel has more than one
  std::vector<PlotPoint> points = {};  // in the order in which they are joined
  int color = 0;                       // from 0 on; begins again after the last of the palette
  bool faint = false;                  // as the raw values below a smoothed curve
  bool marks = false;                  // a dot at every point
};

struct PlotPanel {
  std::string title = "";  // "loss"
  std::string unit = "";   // "samples/s"; "" has none
  std::vector<PlotCurve> curves = {};
  bool log_scale = false;  // only if all values are above 0
  int height = 130;        // of the area of the curves, in pixels
};

struct LinePlot {
  std::string title = "";
  std::string subtitle = "";
  std::string x_label = "";  // with its unit, if it has one
  bool whole_x = false;      // no ticks between whole numbers
  std::vector<PlotPanel> panels = {};
};

std::string LinePlotSvg(const LinePlot& plot);

// The mean of each point and those around it, a point k places away counting (1 - 1/span)^k: of
// both sides, so that the curve does not lag. A point whose y is not finite is kept and not
// averaged.
std::vector<PlotPoint> Smoothed(const std::vector<PlotPoint>& points, double span);

}  // namespace flowgrad

#endif  // FLOWGRAD_TRAINING_LINE_PLOT_H_
