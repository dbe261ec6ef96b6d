#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace lpmc {

/// True when `text` is well-formed UTF-8 (no overlong forms, surrogates or values over U+10FFFF).
bool is_valid_utf8(std::string_view text);

/// `text` with every ill-formed byte sequence replaced by U+FFFD, one for each maximal subpart, as
/// Python's errors="replace" and the Unicode standard (section 3.9) do.
std::string replace_invalid_utf8(std::string_view text);

/// A path as it may stand in a message: valid UTF-8, control characters escaped (\n, \x1b).
std::string display_path(const std::filesystem::path& path);

}  // namespace lpmc
