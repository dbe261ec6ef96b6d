#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lpmc {

// What the published metrics take from Python's str, by ICU's tables. Text is UTF-8; an ill-formed byte
// sequence counts as U+FFFD everywhere (base/utf8.h says how many).

/// Code points of `text`.
std::u32string to_code_points(std::string_view text);

/// UTF-8 of code points; surrogates and values over U+10FFFF become U+FFFD.
std::string to_utf8(std::u32string_view code_points);

/// str.isspace and \s: Unicode white space and U+001C..U+001F.
bool is_white_space(char32_t c);

/// \w: letters, numbers and "_". Combining marks are none.
bool is_word_character(char32_t c);

/// \d: Unicode decimal digits.
bool is_decimal_digit(char32_t c);

bool is_lower_case(char32_t c);
bool is_upper_case(char32_t c);

/// str.lower: full Unicode lower case in no language ("İ" becomes "i" and U+0307, a last "Σ" becomes "ς").
std::string to_lower_case(std::string_view text);

/// str.split(): the pieces between runs of white space, none empty, as views into `text`.
std::vector<std::string_view> split_white_space(std::string_view text);

}  // namespace lpmc
