#pragma once

#include <string>
#include <string_view>

namespace lpmc {

/// `text` as one line that no terminal or line-based format can misread: well-formed UTF-8 (U+FFFD
/// for what is not), every run of blanks, tabs and line ends one space, none at either end, every
/// other control character (ESC, NUL, DEL, U+0080 to U+009F) U+FFFD.
std::string one_line(std::string_view text);

/// `bytes` with '%', control characters and everything that is not ASCII as %XX. Any percent
/// decoder gives the bytes back, so that a file name that is not UTF-8 survives in JSON.
std::string percent_encoded(std::string_view bytes);

/// Replaces every `what` in `text`.
std::string replace_all(std::string text, std::string_view what, std::string_view with);

}  // namespace lpmc
