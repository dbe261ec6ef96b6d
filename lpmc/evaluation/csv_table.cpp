#include "lpmc/evaluation/csv_table.h"

#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

class CsvParser {
 public:
  CsvParser(std::string_view text, std::string_view name) : text_(text), name_(name) {}

  std::vector<CsvRow> rows() {
    std::vector<CsvRow> rows;
    while (true) {
      while (at_line_end())
        skip_line_end();
      if (at_end()) return rows;
      rows.push_back(row());
    }
  }

 private:
  bool at_end() const { return position_ == text_.size(); }
  bool at_line_end() const { return !at_end() && (text_[position_] == '\n' || text_[position_] == '\r'); }

  void skip_line_end() {
    if (text_[position_] == '\r' && position_ + 1 < text_.size() && text_[position_ + 1] == '\n') ++position_;
    ++position_;
    ++line_;
  }

  CsvRow row() {
    CsvRow row;
    row.line = line_;
    while (true) {
      const bool quoted = !at_end() && text_[position_] == '"';
      row.fields.push_back(quoted ? quoted_field() : plain_field());
      LPMC_REQUIRE(is_valid_utf8(row.fields.back()), corrupt,
                   "{}: line {}, field {}: expected UTF-8 text, found other bytes", name_, row.line,
                   row.fields.size());
      if (at_end() || text_[position_] != ',') return row;
      ++position_;
    }
  }

  std::string plain_field() {
    const std::size_t begin = position_;
    while (!at_end() && text_[position_] != ',' && !at_line_end())
      ++position_;
    return std::string(text_.substr(begin, position_ - begin));
  }

  std::string quoted_field() {
    const std::size_t opened = line_;
    std::string field;
    ++position_;
    while (true) {
      LPMC_REQUIRE(!at_end(), corrupt,
                   "{}: line {}: expected a closing quote for the field that begins here, found the end of "
                   "the file",
                   name_, opened);
      const char c = text_[position_++];
      if (c == '\n') ++line_;
      if (c != '"') {
        field += c;
      } else if (!at_end() && text_[position_] == '"') {
        field += '"';
        ++position_;
      } else {
        break;
      }
    }
    LPMC_REQUIRE(at_end() || text_[position_] == ',' || at_line_end(), corrupt,
                 "{}: line {}: expected a comma or the line's end after a quoted field, found other text",
                 name_, line_);
    return field;
  }

  std::string_view text_, name_;
  std::size_t position_ = 0;
  std::size_t line_ = 1;
};

}  // namespace

std::vector<CsvRow> parse_csv(std::string_view text, std::string_view name) {
  return CsvParser(text, name).rows();
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string field = "\"";
  for (const char c : text) {
    if (c == '"') field += '"';
    field += c;
  }
  return field + '"';
}

}  // namespace lpmc
