#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "lpmc/dataset/text_source.h"

namespace lpmc {

/// Rows of a CSV file, one at a time: RFC 4180 with line ends inside quotes, doubled quotes, and "\r\n",
/// "\n" or "\r" between rows. Empty lines are skipped. A quote inside an unquoted field is taken as it is.
class CsvReader {
 public:
  /// A field longer than this is a quote that nobody closed.
  static constexpr std::size_t kMaxFieldBytes = std::size_t{16} << 20;

  explicit CsvReader(TextSource& source) : source_(source) {}

  /// The next row. @return false at the end, `row` is empty then
  /// @throws Error(corrupt) naming file, line, expected, found
  bool next(std::vector<std::string>& row);
  /// Line on which the last row began, from 1.
  std::size_t line() const { return line_; }

 private:
  void read_quoted(std::string& field);
  void read_plain(std::string& field);

  TextSource& source_;
  std::size_t line_ = 1;
};

}  // namespace lpmc
