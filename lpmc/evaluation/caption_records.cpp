#include "lpmc/evaluation/caption_records.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/evaluation/csv_table.h"

namespace lpmc {
namespace {

using Event = CaptionJson::parse_event_t;

constexpr std::size_t kShownText = 60;

std::string shown(std::string_view text) {
  return display_path(std::string(text.substr(0, kShownText)) + (text.size() > kShownText ? "..." : ""));
}

/// What the parser reads from; counts lines. Copies share the count.
class LineCounter {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = char;

  LineCounter(const char* at, std::size_t* line) : at_(at), line_(line) {}
  char operator*() const { return *at_; }
  LineCounter& operator++() {
    if (*at_ == '\n') ++*line_;
    ++at_;
    return *this;
  }
  bool operator==(const LineCounter& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  std::size_t* line_;
};

/// One JSON text, and where its members or elements stand.
struct ParsedJson {
  CaptionJson value;
  std::vector<std::size_t> lines;  ///< of each member or element of the outermost value
};

/// What the parser says, without its own prefix and place.
std::string reason(const CaptionJson::exception& error) {
  std::string text = error.what();
  const std::size_t read = text.find("syntax error");
  if (read != std::string::npos) text.erase(0, read);
  return replace_invalid_utf8(text.substr(0, 200));
}

ParsedJson parse_json(std::string_view text, std::string_view name, std::size_t first_line) {
  ParsedJson parsed;
  std::size_t line = first_line;
  std::string last_key;
  std::unordered_set<std::string> keys;
  const auto on_event = [&](int depth, Event event, CaptionJson& value) {
    if (event == Event::key) {
      last_key = value.get<std::string>();
      LPMC_REQUIRE(depth != 1 || keys.insert(last_key).second, corrupt,
                   "{}: line {}: expected keys that differ, found '{}' a second time", name, line,
                   shown(last_key));
    } else if (depth == 1 &&
               (event == Event::value || event == Event::object_start || event == Event::array_start)) {
      parsed.lines.push_back(line);
    }
    return true;
  };
  try {
    parsed.value = CaptionJson::parse(LineCounter(text.data(), &line),
                                      LineCounter(text.data() + text.size(), &line), on_event);
  } catch (const CaptionJson::exception& error) {
    fail(ErrorKind::corrupt, "{}: line {}{}: expected JSON, found an error: {}", name, line,
         last_key.empty() ? "" : ", key '" + shown(last_key) + "'", reason(error));
  }
  return parsed;
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

std::string_view first_line_of(std::string_view text) {
  return text.substr(0, text.find('\n'));
}

/// A whole value on the first line and more after it.
bool is_json_lines(std::string_view text) {
  const std::string_view first = first_line_of(text);
  return first.size() < text.size() && !is_blank(text.substr(first.size())) && CaptionJson::accept(first);
}

std::vector<CaptionRecord> parse_lines(std::string_view text, std::string_view name, std::size_t line) {
  std::vector<CaptionRecord> records;
  for (std::size_t begin = 0; begin < text.size(); ++line) {
    const std::string_view one = first_line_of(text.substr(begin));
    begin += one.size() + 1;
    if (is_blank(one)) continue;
    records.push_back({parse_json(one, name, line).value, "", fmt::format("line {}", line)});
  }
  return records;
}

std::vector<CaptionRecord> parse_whole(std::string_view text, std::string_view name, std::size_t line,
                                       const std::function<bool(const CaptionJson&)>& is_record) {
  ParsedJson parsed = parse_json(text, name, line);
  CaptionJson& root = parsed.value;
  std::vector<CaptionRecord> records;
  if (!root.is_array() && !(root.is_object() && !is_record(root))) {
    records.push_back({std::move(root), "", fmt::format("line {}", line)});
    return records;
  }
  std::size_t index = 0;
  for (auto& [key, value] : root.items()) {
    const std::string entry =
        root.is_array() ? fmt::format("entry {}", index + 1) : fmt::format("'{}'", shown(key));
    records.push_back({std::move(value), root.is_array() ? "" : key,
                       fmt::format("{} (line {})", entry, parsed.lines[index])});
    ++index;
  }
  return records;
}

std::vector<CaptionRecord> parse_rows(std::string_view text, std::string_view name) {
  const std::vector<CsvRow> rows = parse_csv(text, name);
  const std::vector<std::string>& header = rows.front().fields;
  std::unordered_set<std::string_view> columns;
  for (const std::string& column : header) {
    LPMC_REQUIRE(columns.insert(column).second, corrupt,
                 "{}: line {}: expected columns that differ, found '{}' a second time", name,
                 rows.front().line, shown(column));
  }
  std::vector<CaptionRecord> records;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const CsvRow& row = rows[i];
    LPMC_REQUIRE(row.fields.size() == header.size(), corrupt,
                 "{}: line {}: expected {} fields as in the header, found {}", name, row.line, header.size(),
                 row.fields.size());
    CaptionRecord record{CaptionJson::object(), "", fmt::format("line {}", row.line)};
    for (std::size_t column = 0; column < header.size(); ++column)
      record.value[header[column]] = row.fields[column];
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace

std::vector<CaptionRecord> parse_caption_records(std::string_view text, std::string_view name,
                                                 const std::function<bool(const CaptionJson&)>& is_record) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  LPMC_REQUIRE(begin != std::string_view::npos, corrupt,
               "{}: expected captions as JSON, JSONL or CSV, found an empty file", name);
  const std::size_t line = 1 + static_cast<std::size_t>(std::count(
                                   text.begin(), text.begin() + static_cast<std::ptrdiff_t>(begin), '\n'));
  text.remove_prefix(begin);
  const char first = text.front();
  const bool quoted_header = first == '"' && !CaptionJson::accept(first_line_of(text));
  if (first == '{' || first == '[' || (first == '"' && !quoted_header)) {
    return is_json_lines(text) ? parse_lines(text, name, line) : parse_whole(text, name, line, is_record);
  }
  const bool csv = quoted_header || name.ends_with(".csv") ||
                   (!name.ends_with(".json") && !name.ends_with(".jsonl") &&
                    first_line_of(text).find(',') != std::string_view::npos);
  LPMC_REQUIRE(csv, corrupt, "{}: line {}: expected JSON, JSONL or CSV with a header, found '{}'", name, line,
               shown(replace_invalid_utf8(first_line_of(text))));
  return parse_rows(text, name);
}

std::string_view json_type_words(const CaptionJson& value) {
  switch (value.type()) {
    case CaptionJson::value_t::null:
      return "null";
    case CaptionJson::value_t::object:
      return "an object";
    case CaptionJson::value_t::array:
      return "a list";
    case CaptionJson::value_t::string:
      return "a string";
    case CaptionJson::value_t::boolean:
      return "true or false";
    default:
      return "a number";
  }
}

}  // namespace lpmc
