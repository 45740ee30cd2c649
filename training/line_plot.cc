// Curves as an SVG: panels one under another that share the x axis.
//
// Drawn by hand and not by a library, for there is none in reach that writes a small,
// self-contained SVG: all that is needed are lines, paths and text. Coordinates are tenths of a
// pixel.

#include "training/line_plot.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "base/text.h"
#include "base/text_table.h"
#include "training/plot_axis.h"
#include "training/plot_points.h"

namespace flowgrad {
namespace {

constexpr int kWidth = 720;
constexpr int kRight = kWidth - 30;  // end of the curves
constexpr int kLineHeight = 16;      // of a title's or a legend's line
constexpr int kBetweenPanels = 20;
constexpr double kLetterWidth = 6.1;  // about, at 11 pixels
constexpr size_t kMostPoints = 2000;  // of a curve
constexpr size_t kMostMarks = 200;
// Of all curves, about 13 bytes each.
constexpr size_t kMostPointsOfAll = 13'000;

// Told apart by people who do not see all colours, and readable on white: Okabe and Ito 2008.
constexpr const char* kPalette[] = {"#0072B2", "#D55E00", "#009E73",
                                    "#CC79A7", "#B07A00", "#56B4E9"};

const char* ColorOf(const PlotCurve& curve) {
  return kPalette[static_cast<unsigned>(curve.color) % std::size(kPalette)];
}

// `text` for the inside of an element: at most `columns` wide, control characters as Escaped()
// shows them.
std::string XmlText(absl::string_view text, int columns) {
  const std::string escaped = Escaped(text.substr(0, 8 * columns));
  std::string cut;
  for (size_t i = 0; i < escaped.size(); ++i) {
    // Quotes and backslashes do no harm here.
    if (escaped[i] == '\\' && (escaped[i + 1] == '"' || escaped[i + 1] == '\\')) ++i;
    cut += escaped[i];
  }
  if (DisplayWidth(cut) > columns) {
    while (DisplayWidth(cut) >= columns) {
      while ((cut.back() & 0xC0) == 0x80) cut.pop_back();
      cut.pop_back();
    }
    cut += "…";
  }
  // U+FFFE and U+FFFF may not be in XML.
  return absl::StrReplaceAll(cut, {{"&", "&amp;"},
                                   {"<", "&lt;"},
                                   {">", "&gt;"},
                                   {"\xEF\xBF\xBE", "\xEF\xBF\xBD"},
                                   {"\xEF\xBF\xBF", "\xEF\xBF\xBD"}});
}

// "12", "12.3"
std::string Pixels(double place) {
  const double tenths = std::round(place * 10);
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof(buffer), tenths / 10 + 0.0,
                                    std::chars_format::fixed, 1);
  std::string text(buffer, result.ptr);
  if (text.size() > 2 && text.substr(text.size() - 2) == ".0") text.resize(text.size() - 2);
  return text;
}

struct Range {
  double least = std::numeric_limits<double>::infinity();
  double most = -std::numeric_limits<double>::infinity();

  bool empty() const { return least > most; }
  void Add(double value) {
    least = std::min(least, Drawable(value));
    most = std::max(most, Drawable(value));
  }
};

// Where a panel's curves are, in pixels.
struct Area {
  double left, right, top, bottom;
  const PlotAxis* x;
  const PlotAxis* y;

  double X(double value) const { return left + (right - left) * x->Place(Drawable(value)); }
  double Y(double value) const { return bottom - (bottom - top) * y->Place(Drawable(value)); }
};

constexpr const char* kTextColor = "#1A1A1A";
constexpr const char* kFrameColor = "#595959";
constexpr const char* kGridColor = "#E4E4E4";

std::string Text(double x, double y, absl::string_view attributes, absl::string_view content,
                 absl::string_view color = kTextColor) {
  return absl::StrCat("<text x=\"", Pixels(x), "\" y=\"", Pixels(y), "\" fill=\"", color, "\"",
                      attributes, ">", content, "</text>\n");
}

std::string Line(double x1, double y1, double x2, double y2, absl::string_view color) {
  return absl::StrCat("<path d=\"M", Pixels(x1), ",", Pixels(y1), "L", Pixels(x2), ",", Pixels(y2),
                      "\" stroke=\"", color, "\"/>\n");
}

std::string TickText(const PlotTick& tick) {
  if (tick.power.empty()) return tick.label;
  return absl::StrCat(tick.label, "<tspan dy=\"-4\" font-size=\"8\">", tick.power, "</tspan>");
}

std::string CurvePaths(const PlotCurve& curve, const Area& area, size_t most_points) {
  std::string path, marks;
  int length = 0;  // of the line without a gap
  const bool has_marks = curve.marks && curve.points.size() <= std::min(kMostMarks, most_points);
  for (const PlotPoint& point : Thinned(curve.points, most_points)) {
    if (!IsDrawn(point)) {
      length = 0;
      continue;
    }
    const std::string place = absl::StrCat(Pixels(area.X(point.x)), ",", Pixels(area.Y(point.y)));
    // A line of no length is a dot: a point between two gaps is seen.
    absl::StrAppend(&path,
                    length == 0   ? "M"
                    : length == 1 ? "L"
                                  : " ",
                    place, length == 0 ? "h0" : "");
    ++length;
    if (has_marks) absl::StrAppend(&marks, "M", place, "h0");
  }
  if (path.empty()) return "";
  const std::string begin =
      absl::StrCat("\" stroke=\"", ColorOf(curve), "\" stroke-linecap=\"round\"",
                   " stroke-linejoin=\"round\" stroke-width=\"");
  std::string paths = absl::StrCat("<path d=\"", path, begin,
                                   curve.faint ? "1\" stroke-opacity=\"0.35" : "1.6", "\"/>\n");
  if (!marks.empty()) absl::StrAppend(&paths, "<path d=\"", marks, begin, "5\"/>\n");
  return paths;
}

constexpr int kMostNameColumns = 40;
constexpr double kLegendGap = 12;  // between two names

double LegendWidth(const PlotCurve& curve) {
  return 26 + kLegendGap +
         kLetterWidth * std::min(kMostNameColumns, DisplayWidth(Escaped(curve.name)));
}

// The title and, if there is more than one curve, the legend: at the right of the title's line, or
// in lines of its own.
class PanelHead {
 public:
  PanelHead(const PlotPanel& panel, double left, double right) : panel_(panel), left_(left) {
    double width = 0;
    for (const PlotCurve& curve : panel.curves) width += LegendWidth(curve);
    const double title =
        7 * (DisplayWidth(Escaped(panel.title)) + DisplayWidth(Escaped(panel.unit)));
    if (panel.curves.size() <= 1) return;
    if (title + 30 + width <= right - left) {
      rows_.push_back({right - width + kLegendGap, {}});
      for (const PlotCurve& curve : panel.curves) rows_.back().curves.push_back(&curve);
      beside_ = true;
      return;
    }
    double place = right;
    for (const PlotCurve& curve : panel.curves) {
      if (place + LegendWidth(curve) > right) {
        rows_.push_back({left, {}});
        place = left;
      }
      rows_.back().curves.push_back(&curve);
      place += LegendWidth(curve);
    }
  }

  int height() const { return kLineHeight * static_cast<int>(1 + (beside_ ? 0 : rows_.size())); }

  std::string Svg(double top) const {
    double y = top + 11;
    std::string content = XmlText(panel_.title, 60);
    if (!panel_.unit.empty()) {
      absl::StrAppend(&content, " <tspan font-weight=\"normal\">(", XmlText(panel_.unit, 30),
                      ")</tspan>");
    }
    std::string svg = Text(left_, y, " font-size=\"12\" font-weight=\"bold\"", content);
    for (const Row& row : rows_) {
      if (!beside_) y += kLineHeight;
      double x = row.left;
      for (const PlotCurve* curve : row.curves) {
        absl::StrAppend(&svg, "<path d=\"M", Pixels(x + 4), ",", Pixels(y - 4), "h18\" stroke=\"",
                        ColorOf(*curve), "\" stroke-width=\"",
                        curve->faint ? "1\" stroke-opacity=\"0.35" : "1.6", "\"/>\n",
                        Text(x + 26, y, "", XmlText(curve->name, kMostNameColumns)));
        x += LegendWidth(*curve);
      }
    }
    return svg;
  }

 private:
  struct Row {
    double left;
    std::vector<const PlotCurve*> curves;
  };

  const PlotPanel& panel_;
  double left_;
  bool beside_ = false;
  std::vector<Row> rows_;
};

std::string Frame(const Area& area, bool x_labels) {
  std::string svg;
  if (area.x != nullptr) {
    for (const PlotTick& tick : area.x->ticks()) {
      const double x = area.X(tick.value);
      absl::StrAppend(&svg, Line(x, area.top, x, area.bottom, kGridColor),
                      Line(x, area.bottom, x, area.bottom + 4, kFrameColor));
      if (!x_labels) continue;
      absl::StrAppend(&svg, Text(x, area.bottom + 16, " text-anchor=\"middle\"", TickText(tick)));
    }
  }
  if (area.y != nullptr) {
    for (const PlotTick& tick : area.y->ticks()) {
      const double y = area.Y(tick.value);
      const bool labelled = !tick.label.empty();
      if (labelled) absl::StrAppend(&svg, Line(area.left, y, area.right, y, kGridColor));
      absl::StrAppend(&svg, Line(area.left - (labelled ? 4 : 2), y, area.left, y, kFrameColor));
      if (!labelled) continue;
      absl::StrAppend(&svg, Text(area.left - 7, y + 4, " text-anchor=\"end\"", TickText(tick)));
    }
  }
  return absl::StrCat(svg, Line(area.left, area.top, area.left, area.bottom, kFrameColor),
                      Line(area.left, area.bottom, area.right, area.bottom, kFrameColor));
}

std::optional<PlotAxis> YAxis(const PlotPanel& panel) {
  Range range;
  for (const PlotCurve& curve : panel.curves) {
    for (const PlotPoint& point : curve.points) {
      if (IsDrawn(point)) range.Add(point.y);
    }
  }
  if (range.empty()) return std::nullopt;
  PlotAxisOptions options;
  options.log_scale = panel.log_scale && range.least > 0;
  options.padding = 0.05;
  options.most_ticks = std::clamp(panel.height / 18, 3, 8);
  return PlotAxis(range.least, range.most, options);
}

std::optional<PlotAxis> XAxis(const LinePlot& plot) {
  Range range;
  for (const PlotPanel& panel : plot.panels) {
    for (const PlotCurve& curve : panel.curves) {
      for (const PlotPoint& point : curve.points) {
        if (IsDrawn(point)) range.Add(point.x);
      }
    }
  }
  if (range.empty()) return std::nullopt;
  // Curves that begin near 0 are drawn from there on: the first of 50 rows is at step 100 of 5,000.
  if (range.least > 0 && range.least <= 0.15 * range.most) range.least = 0;
  PlotAxisOptions options;
  options.whole_numbers = plot.whole_x;
  options.most_ticks = 8;
  return PlotAxis(range.least, range.most, options);
}

// The widest label of the y axes decides where the curves begin.
double LeftOf(const std::vector<std::optional<PlotAxis>>& axes) {
  double widest = 0;
  for (const std::optional<PlotAxis>& axis : axes) {
    if (!axis.has_value()) continue;
    for (const PlotTick& tick : axis->ticks()) {
      widest = std::max(widest,
                        kLetterWidth * DisplayWidth(tick.label) + 5.0 * DisplayWidth(tick.power));
    }
  }
  return std::min(200.0, 24 + std::max(widest, 24.0));
}

}  // namespace

std::string LinePlotSvg(const LinePlot& plot) {
  const std::optional<PlotAxis> x_axis = XAxis(plot);
  std::vector<std::optional<PlotAxis>> y_axes;
  size_t num_curves = 0;
  for (const PlotPanel& panel : plot.panels) {
    y_axes.push_back(YAxis(panel));
    num_curves += panel.curves.size();
  }
  const size_t most_points =
      std::clamp<size_t>(kMostPointsOfAll / std::max<size_t>(num_curves, 1), 8, kMostPoints);
  const double left = LeftOf(y_axes);

  std::string body;
  double y = 12;
  if (!plot.title.empty()) {
    absl::StrAppend(&body, Text(left, y + 14, " font-size=\"16\" font-weight=\"bold\"",
                                XmlText(plot.title, 70)));
    y += 24;
  }
  if (!plot.subtitle.empty()) {
    absl::StrAppend(&body, Text(left, y + 11, "", XmlText(plot.subtitle, 105), kFrameColor));
    y += kLineHeight;
  }
  if (y > 12) y += 8;
  for (size_t i = 0; i < plot.panels.size(); ++i) {
    const PlotPanel& panel = plot.panels[i];
    const bool last = i + 1 == plot.panels.size();
    const PanelHead head(panel, left, kRight);
    absl::StrAppend(&body, head.Svg(y));
    y += head.height() + 4;
    const Area area = {left,
                       kRight,
                       y,
                       y + panel.height,
                       x_axis.has_value() ? &*x_axis : nullptr,
                       y_axes[i].has_value() ? &*y_axes[i] : nullptr};
    absl::StrAppend(&body, Frame(area, last));
    for (const PlotCurve& curve : panel.curves) {
      if (area.y != nullptr) absl::StrAppend(&body, CurvePaths(curve, area, most_points));
    }
    if (area.y == nullptr) {
      absl::StrAppend(&body, Text((left + kRight) / 2, y + panel.height / 2.0 + 4,
                                  " text-anchor=\"middle\"", "no data", kFrameColor));
    }
    y = area.bottom + (last ? 20 : kBetweenPanels);
  }
  if (!plot.x_label.empty()) {
    absl::StrAppend(&body,
                    Text((left + kRight) / 2, y + 14, " text-anchor=\"middle\" font-size=\"12\"",
                         XmlText(plot.x_label, 80)));
    y += 20;
  }
  const std::string size = absl::StrCat("width=\"", kWidth, "\" height=\"", Pixels(y + 6),
                                        "\" viewBox=\"0 0 ", kWidth, " ", Pixels(y + 6), "\"");
  return absl::StrCat("<svg xmlns=\"http://www.w3.org/2000/svg\" ", size,
                      " role=\"img\" fill=\"none\" font-family=\"Helvetica, Arial, sans-serif\"",
                      " font-size=\"11\">\n<title>", XmlText(plot.title, 200),
                      "</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>\n", body,
                      "</svg>\n");
}

}  // namespace flowgrad
