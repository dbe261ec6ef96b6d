#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lpmc {

/// A row of a CSV text and the line on which it begins, from 1.
struct CsvRow {
  std::size_t line = 1;
  std::vector<std::string> fields;
};

/// RFC 4180 with line ends inside quotes and "\r\n", "\n" or "\r" between rows; empty lines are skipped.
/// @param name stands in messages
/// @throws Error(corrupt) naming line, expected, found: an unclosed quote, text after a closing quote, a text
/// that is not UTF-8
std::vector<CsvRow> parse_csv(std::string_view text, std::string_view name);

/// A field as CSV wants it: in quotes where it holds a comma, a quote or a line end.
std::string csv_field(std::string_view text);

}  // namespace lpmc
