#include "lpmc/tag_to_caption/report_plots.h"

#include <algorithm>

#include <fmt/format.h>

#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

constexpr int kWidth = 560;
constexpr int kPlotHeight = 140;
constexpr int kRowHeight = 20;
constexpr int kNameWidth = 200;
constexpr double kCountWidth = 30;  // of bars that have their count above them

std::uint64_t largest(const Bars& bars) {
  std::uint64_t most = 1;
  for (const auto& [name, count] : bars)
    most = std::max(most, count);
  return most;
}

std::string shortened(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  std::size_t end = bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
    --end;
  return std::string(text.substr(0, end)) + "\u2026";
}

std::string open_svg(int height, std::string_view title) {
  return fmt::format(
      "<svg viewBox=\"0 0 {} {}\" width=\"{}\" height=\"{}\" role=\"img\" aria-label=\"{}\">\n", kWidth,
      height, kWidth, height, html_text(title));
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string html;
  for (const char c : replace_invalid_utf8(text)) {
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html += byte < 0x20 || byte == 0x7F ? ' ' : c;
    }
  }
  return html;
}

std::string histogram_svg(const Bars& bars, std::string_view title) {
  const auto most = static_cast<double>(largest(bars));
  const double step =
      static_cast<double>(kWidth) / static_cast<double>(std::max<std::size_t>(bars.size(), 1));
  // Labels stand where they have room: some 7 units a letter, and a gap.
  std::size_t longest = 1;
  for (const auto& [name, count] : bars)
    longest = std::max(longest, name.size());
  const auto every =
      static_cast<std::size_t>(std::max(1.0, static_cast<double>(7 * longest + 8) / step + 0.999));
  std::string svg = open_svg(kPlotHeight + 40, title);
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const double height = kPlotHeight * static_cast<double>(bars[i].second) / most;
    const double x = step * static_cast<double>(i);
    svg += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"><title>{}: {}</title></rect>\n",
        x + 1, 20 + kPlotHeight - height, step - 2, height, html_text(bars[i].first), bars[i].second);
    if (bars[i].second > 0 && step >= kCountWidth)
      svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n", x + step / 2,
                         15 + kPlotHeight - height, bars[i].second);
    if (i % every != 0) continue;
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", x + step / 2,
                       kPlotHeight + 35, html_text(bars[i].first));
  }
  return svg + "</svg>\n";
}

std::string ranking_svg(const Bars& bars, std::string_view title) {
  const auto most = static_cast<double>(largest(bars));
  std::string svg = open_svg(kRowHeight * static_cast<int>(bars.size()) + 4, title);
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const auto& [name, count] = bars[i];
    const int y = kRowHeight * static_cast<int>(i);
    const double width = (kWidth - kNameWidth - 80) * static_cast<double>(count) / most;
    svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>", kNameWidth - 8, y + 14,
                       html_text(shortened(name, 30)));
    svg += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\"><title>{}: {}</title></rect>",
                       kNameWidth, y + 3, width, kRowHeight - 6, html_text(name), count);
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\">{}</text>\n", kNameWidth + width + 6, y + 14, count);
  }
  return svg + "</svg>\n";
}

}  // namespace lpmc
