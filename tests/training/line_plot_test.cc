// Plots: round ticks, hostile text, and numbers of every kind.

#include "training/line_plot.h"

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "training/history_plot.h"
#include "training/plot_axis.h"

namespace flowgrad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kMost = std::numeric_limits<double>::max();

std::vector<std::string> Labels(double least, double most, PlotAxisOptions options = {}) {
  std::vector<std::string> labels;
  const PlotAxis axis(least, most, options);
  for (const PlotTick& tick : axis.ticks()) {
    if (tick.label.empty()) continue;
    labels.push_back(tick.power.empty() ? tick.label : absl::StrCat(tick.label, "^", tick.power));
  }
  return labels;
}

// The paths of curves: those with round joins.
std::vector<std::string> CurvePaths(const std::string& svg) {
  std::vector<std::string> paths;
  for (absl::string_view line : absl::StrSplit(svg, '\n')) {
    if (!absl::StrContains(line, "stroke-linejoin")) continue;
    const size_t begin = line.find("d=\"") + 3;
    paths.emplace_back(line.substr(begin, line.find('"', begin) - begin));
  }
  return paths;
}

std::vector<PlotPoint> PlacesOf(const std::string& path) {
  std::vector<PlotPoint> places;
  for (absl::string_view place : absl::StrSplit(path, absl::ByAnyChar("ML "), absl::SkipEmpty())) {
    const std::pair<std::string, std::string> numbers =
        absl::StrSplit(absl::StripSuffix(place, "h0"), absl::MaxSplits(',', 1));
    PlotPoint point;
    EXPECT_TRUE(absl::SimpleAtod(numbers.first, &point.x)) << place;
    EXPECT_TRUE(absl::SimpleAtod(numbers.second, &point.y)) << place;
    places.push_back(point);
  }
  return places;
}

// Every curve lies in the picture: a coordinate that is NaN does not.
void ExpectInside(const std::string& svg) {
  for (const std::string& path : CurvePaths(svg)) {
    for (const PlotPoint& place : PlacesOf(path)) {
      EXPECT_TRUE(place.x >= 0 && place.x <= 720 && place.y >= 0 && place.y <= 1000)
          << place.x << "," << place.y;
    }
  }
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

std::string SvgOf(std::vector<PlotPoint> points, bool log_scale = false) {
  LinePlot plot;
  plot.panels = {{.curves = {{.points = std::move(points)}}, .log_scale = log_scale}};
  return LinePlotSvg(plot);
}

TEST(PlotAxisTest, HasTicksAtOneTwoAndFive) {
  EXPECT_THAT(Labels(0, 1), ElementsAre("0", "0.2", "0.4", "0.6", "0.8", "1.0"));
  EXPECT_THAT(Labels(0.83, 0.89),
              ElementsAre("0.83", "0.84", "0.85", "0.86", "0.87", "0.88", "0.89"));
  EXPECT_THAT(Labels(-2.5, 2.5), ElementsAre("−2", "−1", "0", "1", "2"));
  EXPECT_THAT(Labels(0, 4690), ElementsAre("0", "1,000", "2,000", "3,000", "4,000"));
  EXPECT_THAT(Labels(0, 2'000'000),
              ElementsAre("0", "500,000", "1,000,000", "1,500,000", "2,000,000"));
  EXPECT_THAT(Labels(0, 3e-7),
              ElementsAre("0", "5×10^−8", "10^−7", "1.5×10^−7", "2×10^−7", "2.5×10^−7", "3×10^−7"));
  EXPECT_THAT(Labels(-1e300, 1e300),
              ElementsAre("−10^300", "−5×10^299", "0", "5×10^299", "10^300"));
}

TEST(PlotAxisTest, HasNoTicksBetweenWholeNumbers) {
  EXPECT_THAT(Labels(1, 3, {.whole_numbers = true}), ElementsAre("1", "2", "3"));
  EXPECT_THAT(Labels(7, 7, {.whole_numbers = true}), ElementsAre("6", "7", "8"));
}

TEST(PlotAxisTest, PutsEqualValuesInTheMiddle) {
  for (const double value : {0.0, 1.0, -3.5, 1e-300, 1e300, 123456789.0}) {
    const PlotAxis axis(value, value, {.padding = 0.05});
    EXPECT_DOUBLE_EQ(axis.Place(value), 0.5) << value;
    EXPECT_GE(axis.ticks().size(), 2u) << value;
  }
}

TEST(PlotAxisTest, HasPowersOfTenOnALogarithmicScale) {
  EXPECT_THAT(Labels(1e-3, 10, {.log_scale = true}),
              ElementsAre("0.001", "0.01", "0.1", "1", "10"));
  EXPECT_THAT(Labels(2e-5, 2, {.log_scale = true}),
              ElementsAre("10^−4", "10^−3", "10^−2", "10^−1", "10^0"));
  EXPECT_THAT(Labels(1, 50, {.log_scale = true}), ElementsAre("1", "2", "5", "10", "20", "50"));
  EXPECT_THAT(Labels(2, 8, {.log_scale = true}), ElementsAre("2", "3", "4", "5", "6", "7", "8"));
  EXPECT_THAT(Labels(1e-300, 1e300, {.log_scale = true}),
              ElementsAre("10^−300", "10^−200", "10^−100", "10^0", "10^100", "10^200", "10^300"));
  const PlotAxis axis(1, 10'000, {.log_scale = true});
  EXPECT_DOUBLE_EQ(axis.Place(100), 0.5);
}

TEST(SmoothedTest, DoesNotPullTheStartToZero) {
  std::vector<PlotPoint> points(10, {0, 3});
  for (const PlotPoint& point : Smoothed(points, 50)) EXPECT_NEAR(point.y, 3, 1e-12);
}

// The weight is halved with every place, on both sides; what is no number has no place.
TEST(SmoothedTest, AveragesWithWeightsThatFall) {
  const std::vector<PlotPoint> smoothed = Smoothed({{0, 8}, {1, 2}, {2, kNan}, {3, 5}}, 2);
  EXPECT_DOUBLE_EQ(smoothed[0].y, (8 + 2 * 0.5 + 5 * 0.25) / 1.75);
  EXPECT_DOUBLE_EQ(smoothed[1].y, (8 * 0.5 + 2 + 5 * 0.5) / 2);
  EXPECT_TRUE(std::isnan(smoothed[2].y));
  EXPECT_DOUBLE_EQ(smoothed[3].y, (8 * 0.25 + 2 * 0.5 + 5) / 1.75);
  EXPECT_EQ(smoothed[3].x, 3);
}

TEST(LinePlotTest, JoinsPointsAndLeavesGaps) {
  const std::vector<std::string> paths = CurvePaths(
      SvgOf({{0, 0}, {1, 1}, {2, kNan}, {3, 1}, {4, HUGE_VAL}, {kNan, 1}, {6, 0}, {7, 1}}));
  ASSERT_THAT(paths, SizeIs(1));
  std::vector<size_t> points_of_lines;
  for (const std::string& line :
       std::vector<std::string>(absl::StrSplit(paths[0], 'M', absl::SkipEmpty()))) {
    points_of_lines.push_back(PlacesOf(line).size());
  }
  EXPECT_THAT(points_of_lines, ElementsAre(2, 1, 2));
}

TEST(LinePlotTest, DrawsAnyNumberInsideThePicture) {
  ExpectInside(SvgOf({}));
  ExpectInside(SvgOf({{5, 5}}));
  ExpectInside(SvgOf({{kNan, kNan}}));
  ExpectInside(SvgOf({{0, kMost}, {1, -kMost}, {2, 1e300}, {3, -1e300}, {4, 5e-324}, {5, 0}}));
  ExpectInside(SvgOf({{-1e300, 1}, {1e300, 1}}));
  ExpectInside(SvgOf({{0, 5e-324}, {1, 0}}));
  ExpectInside(SvgOf({{0, 1}, {1, 1 + 1e-15}}));
  ExpectInside(SvgOf({{0, 1e-300}, {1, 1e300}}, /*log_scale=*/true));
  ExpectInside(SvgOf({{0, 5e-324}, {1, 1}, {2, 1e300}}, /*log_scale=*/true));
  ExpectInside(SvgOf({{0, -1}, {1, 0}, {2, 1e9}}, /*log_scale=*/true));
}

TEST(LinePlotTest, DrawsOfVeryManyPointsAFewAndEverySpike) {
  std::vector<PlotPoint> points;
  for (int i = 0; i < 100'000; ++i) points.push_back({1.0 * i, i == 77'777 ? 9.0 : i % 2 * 1.0});
  const std::string svg = SvgOf(points);
  const std::vector<PlotPoint> places = PlacesOf(CurvePaths(svg)[0]);
  EXPECT_LE(places.size(), 2000u);
  EXPECT_GE(places.size(), 1000u);
  int high = 0;
  for (const PlotPoint& place : places) high += place.y < 40 ? 1 : 0;
  EXPECT_EQ(high, 1);
  ExpectInside(svg);
}

TEST(LinePlotTest, StaysSmallWithManyCurvesOfManyPoints) {
  std::mt19937 random(1);
  LinePlot plot;
  for (int panel = 0; panel < 10; ++panel) {
    plot.panels.emplace_back();
    for (int i = 0; i < 4; ++i) {
      PlotCurve curve = {.name = "curve", .color = i, .marks = true};
      for (int x = 0; x < 5000; ++x) curve.points.push_back({x * 1.0, random() * 1e-9});
      plot.panels.back().curves.push_back(std::move(curve));
    }
  }
  EXPECT_LT(LinePlotSvg(plot).size(), 200'000u);
}

TEST(LinePlotTest, ShowsAnyTextAsText) {
  const std::string hostile =
      "</text><script>alert(\"1\")</script>&\x01\x1b[31m\xff\xe2\x80\xae\xef\xbf\xbf";
  LinePlot plot;
  plot.title = plot.subtitle = plot.x_label = hostile;
  plot.panels = {{.title = hostile,
                  .unit = hostile,
                  .curves = {{.name = hostile, .points = {{0, 1}}}, {.name = hostile}}}};
  const std::string svg = LinePlotSvg(plot);
  EXPECT_THAT(svg, Not(HasSubstr("<script")));
  EXPECT_THAT(
      svg, HasSubstr("&lt;/text&gt;&lt;script&gt;alert(\"1\")&lt;/script&gt;&amp;\\x01\\x1b[31m"));
  for (const char c : svg) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
  EXPECT_THAT(svg, Not(HasSubstr("\xff")));
  EXPECT_THAT(svg, Not(HasSubstr("\xe2\x80\xae")));
  EXPECT_THAT(svg, Not(HasSubstr("\xef\xbf\xbf")));
}

TEST(LinePlotTest, CutsLongTextBetweenLetters) {
  LinePlot plot;
  for (int i = 0; i < 100; ++i) plot.title += "ö日";
  plot.panels = {{.title = std::string(10'000, 'x')}};
  const std::string svg = LinePlotSvg(plot);
  EXPECT_LT(svg.size(), 4000u);
  EXPECT_THAT(svg, HasSubstr("ö日…</text>"));
}

TEST(LinePlotTest, WritesALegendOnlyForSeveralCurves) {
  LinePlot plot;
  plot.panels = {{.curves = {{.name = "alone", .points = {{0, 1}}}}}};
  EXPECT_THAT(LinePlotSvg(plot), Not(HasSubstr("alone")));
  plot.panels[0].curves.push_back({.name = "another", .points = {{0, 2}}});
  EXPECT_THAT(LinePlotSvg(plot), HasSubstr(">alone<"));
  EXPECT_THAT(LinePlotSvg(plot), HasSubstr(">another<"));
}

History RunOf(int rows, double last_loss) {
  History history({"accuracy", "loss"});
  for (int i = 0; i < rows; ++i) {
    HistoryRow row = {.step = i + 1, .learning_rate = 0.1};
    row.loss = std::pow(last_loss, 1.0 * i / rows);
    if (i % 10 == 9) row.metrics = {0.5, 0.75};
    history.Add(row);
  }
  return history;
}

TEST(HistoryPlotTest, HasAPanelForEachMetric) {
  const std::string svg = HistoryPlot(RunOf(100, 0.5), "A run");
  EXPECT_THAT(svg, HasSubstr(">A run<"));
  EXPECT_THAT(svg, HasSubstr(">loss<"));
  EXPECT_THAT(svg, HasSubstr(">test_accuracy<"));
  EXPECT_THAT(svg, HasSubstr(">learning_rate<"));
  EXPECT_THAT(svg, HasSubstr(">step<"));
  // Training as it is and smoothed, and that of the test part, in the panel of the loss.
  EXPECT_THAT(svg, Not(HasSubstr("test_loss")));
  EXPECT_THAT(CurvePaths(svg), SizeIs(3 + 2 + 1 + 1));  // with the dots of ten measured values each
  ExpectInside(svg);
}

TEST(HistoryPlotTest, HasALogarithmicScaleForMoreThanTwoDecades) {
  EXPECT_THAT(HistoryPlot(RunOf(100, 1e-3), ""), HasSubstr(">0.01<"));
  EXPECT_THAT(HistoryPlot(RunOf(100, 0.02), ""), HasSubstr(">0.4<"));
}

TEST(HistoryPlotTest, DrawsAnyNumberOfRows) {
  for (const int rows : {0, 1, 2, 99, 100, 5000}) {
    const std::string svg = HistoryPlot(RunOf(rows, 0.1), "");
    ExpectInside(svg);
    EXPECT_LT(svg.size(), 200'000u);
  }
  EXPECT_THAT(HistoryPlot(RunOf(0, 1), ""), HasSubstr(">no data<"));
}

TEST(HistoryPlotTest, SaysWhyThereAreGaps) {
  History history;
  for (const double loss : {1.0, kNan, 2.0}) history.Add({.loss = loss});
  EXPECT_THAT(HistoryPlot(history, ""), HasSubstr("gaps: the loss of 1 row is not finite"));
  ExpectInside(HistoryPlot(history, ""));
}

}  // namespace
}  // namespace flowgrad
