#include "lpmc/dataset/field_records.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/dataset/csv_reader.h"
#include "lpmc/dataset/parquet_table.h"

namespace lpmc {
namespace {

using nlohmann::json;

enum class Container { records, lines, csv };

std::string_view without_blanks(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  return start == std::string_view::npos ? std::string_view() : text.substr(start);
}

/// In a file of records by id the first value is an object; in a line of JSONL it is the id or the like.
bool first_value_is_object(std::string_view text) {
  text = without_blanks(text.substr(1));
  if (text.empty() || text.front() != '"') return text.starts_with('}');  // {}: no records
  std::size_t end = 1;
  while (end < text.size() && text[end] != '"')
    end += text[end] == '\\' ? 2 : 1;
  if (end >= text.size()) return false;
  text = without_blanks(text.substr(end + 1));
  return text.starts_with(':') && without_blanks(text.substr(1)).starts_with('{');
}

Container container_of(std::string_view start) {
  start = without_blanks(start);
  if (start.starts_with('[')) return Container::records;
  if (!start.starts_with('{')) return Container::csv;
  return first_value_is_object(start) ? Container::records : Container::lines;
}

void read_csv(TextSource& text, const std::vector<std::string>& columns, const TakeJsonRecord& take) {
  CsvReader reader(text);
  std::vector<std::string> names;
  std::vector<std::string> row;
  reader.next(names);
  const auto has = [&](std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  LPMC_REQUIRE(names.size() > 1 && std::any_of(columns.begin(), columns.end(), has), corrupt,
               "{}: expected JSON, JSONL or CSV with a column '{}', found a first line of {}", text.name(),
               fmt::join(columns, "' or '"),
               display_path(fmt::format("{}", fmt::join(names, ",")).substr(0, 100)));
  while (reader.next(row)) {
    LPMC_REQUIRE(row.size() == names.size(), corrupt, "{}: line {}: expected {} fields, found {}",
                 text.name(), reader.line(), names.size(), row.size());
    json fields = json::object();
    for (std::size_t i = 0; i < row.size(); ++i)
      fields[names[i]] = std::move(row[i]);
    take("", fields, fmt::format("line {}", reader.line()));
  }
}

}  // namespace

void read_field_records(TextSource& text, const std::vector<std::string>& csv_columns,
                        const TakeJsonRecord& take) {
  if (text.ahead().starts_with("PAR1")) {
    require_parquet(text.name());
    LPMC_REQUIRE(!text.path().empty(), unsupported, "{}: expected Parquet in a file, found it in memory",
                 text.name());
    return read_parquet_rows(text.path(), [&](const json& row, std::uint64_t number) {
      take("", row, fmt::format("row {}", number));
    });
  }
  LPMC_REQUIRE(!without_blanks(text.ahead()).empty(), corrupt, "{}: expected records, found an empty file",
               text.name());
  switch (container_of(text.ahead())) {
    case Container::records:
      return read_json_records(text, take);
    case Container::lines:
      return read_json_lines(text, take);
    case Container::csv:
      return read_csv(text, csv_columns, take);
  }
}

}  // namespace lpmc
