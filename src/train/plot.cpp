#include "train/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace quire {
namespace {

constexpr const char* colours[] = {"#7aa6d9", "#d1495b", "#2e8b57", "#8e6bbf", "#c98b2b"};
constexpr int left = 70, right = 20, top = 44, bottom = 52;

std::string escape(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

bool drawable(double value, AxisScale scale) {
  return std::isfinite(value) && (scale == AxisScale::linear || value > 0);
}

// One axis: values to pixels.
class Mapping {
 public:
  Mapping(AxisScale scale, double low, double high, double from, double to)
      : scale_(scale), low_(at(low)), high_(at(high)), from_(from), to_(to) {}
  double operator()(double value) const {
    return from_ + (to_ - from_) * (at(value) - low_) / (high_ - low_);
  }

 private:
  double at(double value) const { return scale_ == AxisScale::log ? std::log10(value) : value; }
  AxisScale scale_;
  double low_, high_, from_, to_;
};

struct Range {
  double low = 0, high = 1;
};

Range range_of(const Plot& plot, bool of_x) {
  const AxisScale scale = of_x ? plot.x.scale : plot.y.scale;
  bool any = false;
  Range range;
  for (const Series& series : plot.series)
    for (const auto& [x, y] : series.points) {
      if (!drawable(x, plot.x.scale) || !drawable(y, plot.y.scale)) continue;
      const double value = of_x ? x : y;
      range = any ? Range{std::min(range.low, value), std::max(range.high, value)}
                  : Range{value, value};
      any = true;
    }
  if (!any) return scale == AxisScale::log ? Range{1, 10} : Range{0, 1};
  if (range.low == range.high) {
    if (scale == AxisScale::log) return {range.low / 2, range.high * 2};
    const double margin = std::max(std::abs(range.low) * 0.1, 0.5);
    return {range.low - margin, range.high + margin};
  }
  return range;
}

std::string text_at(double x, double y, const char* anchor, int size, std::string_view text,
                    std::string_view more = {}) {
  return fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" font-size=\"{}\"{}>{}</text>\n", x, y,
      anchor, size, more, escape(text));
}

std::string draw_axes(const Plot& plot, const Mapping& x, const Mapping& y, Range xs, Range ys) {
  std::string out;
  const double bottom_y = plot.height - bottom, right_x = plot.width - right;
  for (double tick : axis_ticks(xs.low, xs.high, plot.x.scale, 8)) {
    out += fmt::format(
        "<line x1=\"{0:.1f}\" y1=\"{1}\" x2=\"{0:.1f}\" y2=\"{2}\" stroke=\"#e4e4e0\"/>\n", x(tick),
        top, bottom_y);
    out += text_at(x(tick), bottom_y + 18, "middle", 12, tick_text(tick));
  }
  for (double tick : axis_ticks(ys.low, ys.high, plot.y.scale, 6)) {
    out += fmt::format(
        "<line x1=\"{1}\" y1=\"{0:.1f}\" x2=\"{2}\" y2=\"{0:.1f}\" stroke=\"#e4e4e0\"/>\n", y(tick),
        left, right_x);
    out += text_at(left - 8, y(tick) + 4, "end", 12, tick_text(tick));
  }
  out +=
      fmt::format("<path d=\"M{} {}V{}H{}\" fill=\"none\" stroke=\"#555\" stroke-width=\"1.2\"/>\n",
                  left, top, bottom_y, right_x);
  out += text_at((left + right_x) / 2, plot.height - 12, "middle", 13, plot.x.label);
  const double middle = (top + bottom_y) / 2;
  out += text_at(18, middle, "middle", 13, plot.y.label,
                 fmt::format(" transform=\"rotate(-90 18 {:.1f})\"", middle));
  return out;
}

std::string draw_series(const Plot& plot, const Series& series, const char* colour,
                        const Mapping& x, const Mapping& y) {
  std::string path, dots;
  for (const auto& [px, py] : series.points) {
    if (!drawable(px, plot.x.scale) || !drawable(py, plot.y.scale)) continue;
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x(px), y(py));
    dots += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"/>\n", x(px), y(py),
                        colour);
  }
  std::string out;
  if (series.style != SeriesStyle::points && !path.empty())
    out += fmt::format(
        "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" "
        "stroke-linejoin=\"round\"/>\n",
        path, colour, series.style == SeriesStyle::thin_line ? "0.9" : "2");
  if (series.style == SeriesStyle::points || series.style == SeriesStyle::line_and_points)
    out += dots;
  return out;
}

std::string begin_page(int width, int height, std::string_view title) {
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
             "height=\"{1}\" font-family=\"system-ui, sans-serif\" fill=\"#222\">\n"
             "<rect width=\"{0}\" height=\"{1}\" fill=\"#fdfdfb\"/>\n",
             width, height) +
         text_at(left, 26, "start", 16, title, " font-weight=\"600\"");
}

}  // namespace

std::vector<double> axis_ticks(double low, double high, AxisScale scale, int n) {
  std::vector<double> ticks;
  if (!(low < high) || !std::isfinite(low) || !std::isfinite(high)) return ticks;
  if (scale == AxisScale::log) {
    if (low <= 0) return ticks;
    const double decades = std::log10(high / low);
    for (int e = static_cast<int>(std::floor(std::log10(low))); std::pow(10.0, e) <= high; ++e)
      for (double m : {1.0, 2.0, 5.0}) {
        const double tick = m * std::pow(10.0, e);
        if ((m == 1.0 || decades < 3) && tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9))
          ticks.push_back(tick);
      }
    if (ticks.size() >= 2) return ticks;
    ticks.clear();  // a narrow range: round steps serve better
  }
  const double rough = (high - low) / n;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  const double share = rough / power;
  const double step = power * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
  const double first = std::ceil(low / step - 1e-9);
  for (double i = first; i * step <= high + 1e-9 * step; ++i) ticks.push_back(i * step);
  return ticks;
}

std::string tick_text(double value) {
  const double size = std::abs(value);
  if (size >= 1e15 || (size > 0 && size < 1e-3)) return fmt::format("{:.3g}", value);
  for (const auto& [unit, name] : {std::pair{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}})
    if (size >= unit) return fmt::format("{:.4g}{}", value / unit, name);
  // The sums of steps leave digits like 0.30000000000000004.
  return fmt::format("{:.6g}", value);
}

std::string svg(const Plot& plot) {
  const Range xs = range_of(plot, true), ys = range_of(plot, false);
  const Mapping x(plot.x.scale, xs.low, xs.high, left, plot.width - right);
  const Mapping y(plot.y.scale, ys.low, ys.high, plot.height - bottom, top);
  std::string out = begin_page(plot.width, plot.height, plot.title);
  out += draw_axes(plot, x, y, xs, ys);
  double legend_y = top + 16;
  for (size_t i = 0; i < plot.series.size(); ++i) {
    const char* colour = colours[i % std::size(colours)];
    out += draw_series(plot, plot.series[i], colour, x, y);
    const double legend_x = plot.width - right - 170;
    out += fmt::format("<rect x=\"{:.0f}\" y=\"{:.0f}\" width=\"18\" height=\"4\" fill=\"{}\"/>\n",
                       legend_x, legend_y - 6, colour);
    out += text_at(legend_x + 26, legend_y, "start", 12, plot.series[i].name);
    legend_y += 18;
  }
  return out + "</svg>\n";
}

std::string bars_svg(const BarChart& chart) {
  constexpr int width = 860, bar_height = 18, step = 30, label_width = 150, note_width = 250;
  const int height = top + 20 + step * static_cast<int>(chart.bars.size()) + 30;
  double most = 0;
  for (const Bar& bar : chart.bars)
    if (std::isfinite(bar.high)) most = std::max(most, std::max(bar.value, bar.high));
  const double scale = most > 0 ? (width - left - label_width - note_width) / most : 0;
  std::string out = begin_page(width, height, chart.title);
  double y = top + 20;
  for (const Bar& bar : chart.bars) {
    const double x = left + label_width, middle = y + bar_height / 2.0;
    out += text_at(x - 10, middle + 4, "end", 13, bar.label);
    out += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{}\" fill=\"{}\"/>\n", x, y,
        bar.value * scale, bar_height, colours[0]);
    out += fmt::format(
        "<path d=\"M{0:.1f} {2:.1f}H{1:.1f}M{0:.1f} {3:.1f}v8M{1:.1f} {3:.1f}v8\" "
        "stroke=\"#333\" fill=\"none\"/>\n",
        x + bar.low * scale, x + bar.high * scale, middle, middle - 4);
    out += text_at(x + bar.high * scale + 10, middle + 4, "start", 12,
                   fmt::format("{} {}  {}", tick_text(bar.value), chart.unit, bar.note));
    y += step;
  }
  return out + "</svg>\n";
}

}  // namespace quire
