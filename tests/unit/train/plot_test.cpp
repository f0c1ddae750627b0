#include "train/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace quire {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(AxisTicks, AreRoundAndInside) {
  EXPECT_THAT(axis_ticks(0, 10, AxisScale::linear, 5), ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_THAT(axis_ticks(1.3, 3.9, AxisScale::linear, 5), ElementsAre(2, 3));
  EXPECT_THAT(axis_ticks(1, 1000, AxisScale::log, 5), ElementsAre(1, 10, 100, 1000));
  EXPECT_THAT(axis_ticks(3, 30, AxisScale::log, 5), ElementsAre(5, 10, 20));
  EXPECT_GE(axis_ticks(2.1, 2.9, AxisScale::log, 5).size(), 3u);
  EXPECT_TRUE(axis_ticks(1, 1, AxisScale::linear, 5).empty());
  EXPECT_TRUE(axis_ticks(std::nan(""), 1, AxisScale::linear, 5).empty());
}

TEST(TickText, IsShort) {
  EXPECT_EQ(tick_text(0), "0");
  EXPECT_EQ(tick_text(0.1 + 0.2), "0.3");
  EXPECT_EQ(tick_text(20000), "20k");
  EXPECT_EQ(tick_text(1.5e6), "1.5M");
  EXPECT_EQ(tick_text(1e-5), "1e-05");
}

TEST(Plot, DrawsEachSeriesWithinTheFrameAndEscapesText) {
  Plot plot;
  plot.title = "a < b & c";
  plot.x.label = "tokens";
  plot.series = {{"first", {{0, 1}, {10, 2}}, SeriesStyle::line},
                 {"second", {{5, 1.5}}, SeriesStyle::points}};
  const std::string out = svg(plot);
  EXPECT_THAT(out, HasSubstr("a &lt; b &amp; c"));
  EXPECT_THAT(out, HasSubstr("M70.0 428.0L840.0 44.0"));  // corner to corner
  EXPECT_THAT(out, HasSubstr("<circle cx=\"455.0\" cy=\"236.0\""));
  EXPECT_THAT(out, HasSubstr("</svg>"));
}

TEST(Plot, LeavesOutWhatCannotBeDrawn) {
  Plot plot;
  plot.y.scale = AxisScale::log;
  const double inf = std::numeric_limits<double>::infinity();
  plot.series = {{"s", {{0, -1}, {1, inf}, {2, std::nan("")}, {3, 10}, {4, 100}}}};
  const std::string out = svg(plot);
  EXPECT_THAT(out, HasSubstr("M70.0 428.0L840.0 44.0"));
  EXPECT_THAT(out, Not(HasSubstr("nan")));
  EXPECT_THAT(out, Not(HasSubstr("inf")));
  EXPECT_THAT(svg({}), HasSubstr("</svg>"));
}

TEST(BarChart, DrawsBarsInProportionWithTheirRange) {
  BarChart chart{"a < b", "tokens/s", {{"pp512", 100, 90, 200, "50 %"}, {"tg128", 50, 50, 50, ""}}};
  const std::string out = bars_svg(chart);
  EXPECT_THAT(out, HasSubstr("a &lt; b"));
  // The longest range takes all the room there is, 390 pixels.
  EXPECT_THAT(out, HasSubstr("width=\"195.0\""));
  EXPECT_THAT(out, HasSubstr("width=\"97.5\""));
  EXPECT_THAT(out, HasSubstr("100 tokens/s  50 %"));
  EXPECT_THAT(bars_svg({}), HasSubstr("</svg>"));
}

}  // namespace
}  // namespace quire
