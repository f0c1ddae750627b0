// Line plots as SVG: axes with round ticks, linear or logarithmic, a few series with a legend.
// Readable in a browser on a light or dark page (it has a background of its own).
#pragma once
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace quire {

enum class AxisScale { linear, log };

struct Axis {
  std::string label;
  AxisScale scale = AxisScale::linear;
};

enum class SeriesStyle { line, thin_line, points, line_and_points };

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;  // x rising for lines
  SeriesStyle style = SeriesStyle::line;
};

struct Plot {
  std::string title;
  Axis x, y;
  std::vector<Series> series;
  int width = 860, height = 480;
};

// Points that are not finite, or not positive on a logarithmic axis, are left out. Without any
// point the plot is its frame.
std::string svg(const Plot& plot);

// A horizontal bar for each of some measurements, with a whisker over its range.
struct Bar {
  std::string label;
  double value = 0, low = 0, high = 0;
  std::string note;  // behind the number
};
struct BarChart {
  std::string title, unit;
  std::vector<Bar> bars;
};
std::string bars_svg(const BarChart& chart);

// Round numbers that cover [low, high]: about n steps of 1, 2 or 5 times a power of ten; on a
// logarithmic axis powers of ten, with 2 and 5 between when there are few.
std::vector<double> axis_ticks(double low, double high, AxisScale scale, int n);
// "0.5", "20k", "1.5M", "1e-05"
std::string tick_text(double value);

}  // namespace quire
