#include "lpmc/training/curve_figure.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include <fmt/format.h>

#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

constexpr double kWidth = 560, kHeight = 260;
constexpr double kLeft = 62, kRight = 14, kTop = 34, kBottom = 30;
constexpr std::size_t kMostPoints = 400;
constexpr int kTicks = 5;

using Points = std::vector<std::pair<double, double>>;

/// Finite points, neighbours averaged where there are too many.
Points thinned(const Points& points) {
  Points finite;
  std::ranges::copy_if(points, std::back_inserter(finite),
                       [](const auto& p) { return std::isfinite(p.first) && std::isfinite(p.second); });
  const std::size_t group = (finite.size() + kMostPoints - 1) / kMostPoints;
  if (group <= 1) return finite;
  Points means;
  for (std::size_t begin = 0; begin < finite.size(); begin += group) {
    const std::size_t end = std::min(begin + group, finite.size());
    double x = 0, y = 0;
    for (std::size_t i = begin; i < end; ++i) {
      x += finite[i].first;
      y += finite[i].second;
    }
    const auto count = static_cast<double>(end - begin);
    means.emplace_back(x / count, y / count);
  }
  return means;
}

/// Round numbers over [low, high].
struct Axis {
  double low = 0, high = 1, step = 1;

  Axis(double least, double greatest) {
    const double span = greatest > least ? greatest - least : std::max(1e-12, std::abs(greatest));
    const double raw = span / kTicks;
    const double magnitude = std::pow(10, std::floor(std::log10(raw)));
    const double share = raw / magnitude;
    step = magnitude * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
    low = std::floor(least / step) * step;
    high = std::ceil(greatest / step) * step;
    if (!(high > low)) high = low + step;
  }
  double share(double value) const { return (value - low) / (high - low); }
};

double x_of(const Axis& axis, double value) {
  return kLeft + axis.share(value) * (kWidth - kLeft - kRight);
}
double y_of(const Axis& axis, double value) {
  return kHeight - kBottom - axis.share(value) * (kHeight - kTop - kBottom);
}

std::string grid(const Axis& x, const Axis& y) {
  std::string svg;
  for (int i = 0; y.low + i * y.step <= y.high + y.step / 2; ++i) {
    const double value = std::abs(y.low + i * y.step) < y.step / 1e6 ? 0 : y.low + i * y.step;
    const double at = y_of(y, value);
    svg += fmt::format(
        R"(<line class="grid" x1="{0:.1f}" x2="{1:.1f}" y1="{2:.1f}" y2="{2:.1f}"/><text x="{3:.1f}" y="{4:.1f}" text-anchor="end">{5:.4g}</text>)",
        kLeft, kWidth - kRight, at, kLeft - 8, at + 4, value);
  }
  for (int i = 0; x.low + i * x.step <= x.high + x.step / 2; ++i) {
    const double value = x.low + i * x.step;
    svg += fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="middle">{:.6g}</text>)", x_of(x, value),
                       kHeight - 10, value);
  }
  return svg;
}

std::string draw(const Curve& curve, const Axis& x, const Axis& y) {
  std::string path, dots;
  for (const auto& [at, value] : curve.points) {
    path += fmt::format("{:.1f},{:.1f} ", x_of(x, at), y_of(y, value));
    if (curve.has_dots) {
      dots += fmt::format(
          R"(<circle class="c{}" cx="{:.1f}" cy="{:.1f}" r="3"><title>{} {:.6g}, update {:.0f}</title></circle>)",
          curve.color, x_of(x, at), y_of(y, value), html_text(curve.name), value, at);
    }
  }
  return fmt::format(R"(<polyline class="l{}" points="{}"/>{})", curve.color, path, dots);
}

std::string legend(const std::vector<Curve>& curves) {
  std::string svg;
  double at = kWidth - kRight;
  for (auto curve = curves.rbegin(); curve != curves.rend(); ++curve) {
    const double width = 7.2 * static_cast<double>(curve->name.size()) + 26;
    at -= width;
    svg += fmt::format(
        R"(<line class="l{0}" x1="{1:.1f}" x2="{2:.1f}" y1="16" y2="16"/><text x="{3:.1f}" y="20">{4}</text>)",
        curve->color, at, at + 16, at + 20, html_text(curve->name));
  }
  return svg;
}

}  // namespace

std::string html_text(const std::string& text) {
  std::string escaped;
  for (const char c : replace_invalid_utf8(text)) {
    if (c == '&') {
      escaped += "&amp;";
    } else if (c == '<') {
      escaped += "&lt;";
    } else if (c == '>') {
      escaped += "&gt;";
    } else if (c == '"') {
      escaped += "&quot;";
    } else if (c == '\'') {
      escaped += "&#39;";
    } else if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') {
      escaped += c;
    }
  }
  return escaped;
}

std::string curve_figure(const std::string& title, const std::vector<Curve>& curves) {
  constexpr double kHuge = std::numeric_limits<double>::max();
  std::vector<Curve> drawn;
  double x_low = kHuge, x_high = -kHuge, y_low = kHuge, y_high = -kHuge;
  for (const Curve& curve : curves) {
    Curve thin = curve;
    thin.points = thinned(curve.points);
    if (thin.points.empty()) continue;
    for (const auto& [x, y] : thin.points) {
      x_low = std::min(x_low, x);
      x_high = std::max(x_high, x);
      y_low = std::min(y_low, y);
      y_high = std::max(y_high, y);
    }
    drawn.push_back(std::move(thin));
  }
  if (drawn.empty()) return "";
  const Axis x(x_low, x_high), y(y_low, y_high);
  std::string svg = fmt::format(
      R"(<figure><svg viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}"><text class="title" x="{:.0f}" y="20">{}</text>)",
      kWidth, kHeight, html_text(title), 8.0, html_text(title));
  svg += grid(x, y);
  for (const Curve& curve : drawn)
    svg += draw(curve, x, y);
  if (drawn.size() > 1) svg += legend(drawn);
  return svg + "</svg></figure>\n";
}

}  // namespace lpmc
