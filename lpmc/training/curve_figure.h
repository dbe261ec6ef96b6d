#pragma once

#include <string>
#include <vector>

namespace lpmc {

/// A line of a chart.
struct Curve {
  std::string name;
  int color = 0;  ///< 0 or 1: of the page's two
  bool has_dots = false;
  std::vector<std::pair<double, double>> points;  ///< x (updates) ascending, y; those that are not finite go
};

/// A line chart as inline SVG: axes with round numbers, a legend where there are two curves. Long curves
/// are thinned to means of neighbours. Empty when there is nothing to draw.
std::string curve_figure(const std::string& title, const std::vector<Curve>& curves);

/// Text as it may stand in HTML, between tags or in a quoted attribute.
std::string html_text(const std::string& text);

}  // namespace lpmc
