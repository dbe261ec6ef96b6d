#pragma once

#include <string>
#include <string_view>

namespace lpmc {

/// What Python 3's repr() gives for a str: 'single quotes' unless the text holds a single quote and
/// no double one, escapes for backslash, quote, \t \n \r, and \xNN, \uNNNN or \UNNNNNNNN for what
/// str.isprintable() refuses (Unicode 14.0, that of CPython 3.11). What is not UTF-8 becomes U+FFFD.
std::string python_repr(std::string_view utf8);

}  // namespace lpmc
