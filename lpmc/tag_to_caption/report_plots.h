#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lpmc {

/// Text as it may stand in HTML, between tags or in a quoted attribute: well-formed UTF-8, markup and control
/// characters taken out of action.
std::string html_text(std::string_view text);

using Bars = std::vector<std::pair<std::string, std::uint64_t>>;

/// A histogram as inline SVG: upright bars with their labels under them.
std::string histogram_svg(const Bars& bars, std::string_view title);

/// Named counts as inline SVG: lying bars, name at the left, count at the right.
std::string ranking_svg(const Bars& bars, std::string_view title);

}  // namespace lpmc
