#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace lpmc {

/// No musical attribute is longer; what is would only cost tokens.
constexpr std::size_t kMaxTagBytes = 1000;

/// Tags as a language model may see them: control characters (line ends, tabs, U+0080 to U+009F too) become
/// spaces, ill-formed UTF-8 becomes U+FFFD, blanks at both ends go; then empty tags, and those of over
/// kMaxTagBytes. Order and repeated tags stay, as in the published prompts and baselines: one MusicCaps clip
/// in twelve has a tag twice.
/// @param too_long counts the tags left out for their length
std::vector<std::string> clean_tags(std::vector<std::string> tags, std::size_t& too_long);

}  // namespace lpmc
