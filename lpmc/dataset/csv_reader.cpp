#include "lpmc/dataset/csv_reader.h"

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

bool ends_field(int byte) {
  return byte == ',' || byte == '\n' || byte == '\r' || byte == TextSource::kEnd;
}

}  // namespace

bool CsvReader::next(std::vector<std::string>& row) {
  row.clear();
  while (source_.peek() == '\n' || source_.peek() == '\r')
    source_.get();
  line_ = source_.line();
  if (source_.peek() == TextSource::kEnd) return false;
  while (true) {
    std::string& field = row.emplace_back();
    if (source_.peek() == '"') {
      read_quoted(field);
    } else {
      read_plain(field);
    }
    LPMC_REQUIRE(is_valid_utf8(field), corrupt,
                 "{}: line {}, field {}: expected UTF-8 text, found another encoding", source_.name(), line_,
                 row.size());
    if (source_.peek() != ',') break;
    source_.get();
  }
  if (source_.peek() == '\r') source_.get();
  if (source_.peek() == '\n') source_.get();
  return true;
}

void CsvReader::read_quoted(std::string& field) {
  const std::size_t opened = source_.line();
  source_.get();
  while (true) {
    const int byte = source_.get();
    LPMC_REQUIRE(byte != TextSource::kEnd && field.size() < kMaxFieldBytes, corrupt,
                 "{}: line {}: expected a closing quote for the field that begins here, found {}",
                 source_.name(), opened,
                 byte == TextSource::kEnd ? "the end of the file" : "over 16 MiB of text");
    if (byte != '"') {
      field += static_cast<char>(byte);
    } else if (source_.peek() == '"') {
      field += '"';
      source_.get();
    } else {
      break;
    }
  }
  LPMC_REQUIRE(ends_field(source_.peek()), corrupt,
               "{}: line {}: expected a comma or the line's end after a quoted field, found byte 0x{:02x}",
               source_.name(), source_.line(), source_.peek());
}

void CsvReader::read_plain(std::string& field) {
  while (!ends_field(source_.peek())) {
    LPMC_REQUIRE(field.size() < kMaxFieldBytes, corrupt,
                 "{}: line {}: expected fields of at most 16 MiB, found a longer one", source_.name(), line_);
    field += static_cast<char>(source_.get());
  }
}

}  // namespace lpmc
