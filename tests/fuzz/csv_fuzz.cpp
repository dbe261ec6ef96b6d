// CSV: any bytes to rows; rows written as RFC 4180 says are read back the same.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "lpmc/base/error.h"
#include "lpmc/dataset/csv_reader.h"

namespace {

using Rows = std::vector<std::vector<std::string>>;

Rows read(std::string_view text) {
  lpmc::TextSource source(text, "fuzz");
  lpmc::CsvReader reader(source);
  Rows rows;
  std::vector<std::string> row;
  while (reader.next(row))
    rows.push_back(row);
  return rows;
}

std::string write(const Rows& rows) {
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += i == 0 ? "\"" : ",\"";
      for (const char c : row[i])
        text += c == '"' ? std::string("\"\"") : std::string(1, c);
      text += '"';
    }
    text += "\r\n";
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(static_cast<const char*>(static_cast<const void*>(data)), size);
  try {
    const Rows rows = read(text);
    if (read(write(rows)) != rows) std::abort();
  } catch (const lpmc::Error&) {
  }
  return 0;
}
