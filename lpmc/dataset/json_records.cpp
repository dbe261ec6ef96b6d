#include "lpmc/dataset/json_records.h"

#include <cctype>
#include <iterator>
#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

using nlohmann::json;
using Event = json::parse_event_t;

constexpr std::size_t kMaxLineBytes = std::size_t{64} << 20;

/// The source's bytes with Python's NaN and Infinity, outside strings, as null.
class JsonBytes {
 public:
  explicit JsonBytes(TextSource& source) : source_(source) {}

  int peek() {
    if (next_ < word_.size()) return static_cast<unsigned char>(word_[next_]);
    const int byte = source_.peek();
    if (in_string_ || (byte != 'N' && byte != 'I' && byte != '-')) return byte;
    word_.clear();
    next_ = 0;
    if (byte == '-') word_ += static_cast<char>(source_.get());
    if (byte != '-' || source_.peek() == 'I') {
      while (std::isalpha(source_.peek()) != 0 && word_.size() < 10)
        word_ += static_cast<char>(source_.get());
    }
    if (word_ == "NaN" || word_ == "Infinity" || word_ == "-Infinity") word_ = "null";
    return static_cast<unsigned char>(word_.front());
  }
  void advance() {
    if (next_ < word_.size()) {
      ++next_;
      return;
    }
    const int byte = source_.get();
    if (byte == '"' && !escaped_) in_string_ = !in_string_;
    escaped_ = in_string_ && byte == '\\' && !escaped_;
  }

 private:
  TextSource& source_;
  std::string word_;  // replaces what was read; from next_ on not taken yet
  std::size_t next_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

/// What nlohmann's parser reads from. Copies share their place in the file.
class ByteIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = char;

  ByteIterator() = default;
  explicit ByteIterator(JsonBytes& bytes) : bytes_(&bytes) {}

  char operator*() const { return static_cast<char>(bytes_->peek()); }
  ByteIterator& operator++() {
    bytes_->advance();
    return *this;
  }
  bool operator==(const ByteIterator& other) const { return at_end() == other.at_end(); }

 private:
  bool at_end() const { return bytes_ == nullptr || bytes_->peek() == TextSource::kEnd; }
  JsonBytes* bytes_ = nullptr;
};

/// What the parser says, without its own prefix and in a bounded length.
std::string reason(const json::exception& error) {
  const std::string text = error.what();
  const std::size_t start = text.find("] ");
  std::string tail = start == std::string::npos ? text : text.substr(start + 2);
  if (tail.starts_with("parse error at ")) tail.erase(0, std::string_view("parse error at ").size());
  if (tail.size() > 300) tail = tail.substr(0, 300) + "...";
  return replace_invalid_utf8(tail);
}

/// Parses all of the source; `on_event` sees every value and says whether it is kept.
void parse_streaming(TextSource& source, const json::parser_callback_t& on_event) {
  JsonBytes bytes(source);
  LPMC_REQUIRE(bytes.peek() != TextSource::kEnd, corrupt, "{}: expected JSON, found an empty file",
               source.name());
  try {
    const json rest = json::parse(ByteIterator(bytes), ByteIterator(), on_event);
  } catch (const json::exception& error) {
    fail(ErrorKind::corrupt, "{}: line {}: expected JSON, found an error: {}", source.name(), source.line(),
         reason(error));
  }
}

[[noreturn]] void wrong_layout(const TextSource& source, std::string_view key, std::string_view found) {
  fail(ErrorKind::corrupt, "{}: line {}: expected an object for each record, found {}{}{}", source.name(),
       source.line(), found, key.empty() ? "" : " under '" + display_path(key.substr(0, 100)) + "'",
       found == "an array" ? " (a split file goes to --split-file)" : "");
}

}  // namespace

void read_json_records(TextSource& source, const TakeJsonRecord& take) {
  std::string key;
  bool by_id = false;
  std::size_t index = 0;
  parse_streaming(source, [&](int depth, Event event, json& parsed) {
    if (depth == 0) {
      by_id = by_id || event == Event::object_start;
      if (event == Event::value) wrong_layout(source, "", "a single value");
      return true;
    }
    if (depth > 1) return true;
    if (event == Event::key) key = parsed.get<std::string>();
    if (event == Event::array_start) wrong_layout(source, by_id ? key : "", "an array");
    if (event == Event::value) wrong_layout(source, by_id ? key : "", parsed.type_name());
    if (event != Event::object_end) return true;
    ++index;
    take(by_id ? key : "", parsed,
         by_id ? "'" + display_path(key.substr(0, 200)) + "'" : fmt::format("record {}", index));
    return false;  // off it goes: memory holds one record
  });
}

void read_json_lines(TextSource& source, const TakeJsonRecord& take) {
  std::string text;
  while (source.peek() != TextSource::kEnd) {
    const std::size_t line = source.line();
    text.clear();
    for (int byte = source.get(); byte != '\n' && byte != TextSource::kEnd; byte = source.get()) {
      text += static_cast<char>(byte);
      LPMC_REQUIRE(text.size() < kMaxLineBytes, corrupt, "{}: line {}: expected at most {} MiB, found more",
                   source.name(), line, kMaxLineBytes >> 20);
    }
    if (text.find_first_not_of(" \t\r") == std::string::npos) continue;
    json record;
    try {
      TextSource line_source(text, source.name());
      JsonBytes bytes(line_source);
      record = json::parse(ByteIterator(bytes), ByteIterator());
    } catch (const json::exception& error) {
      fail(ErrorKind::corrupt, "{}: line {}: expected a JSON object, found an error: {}", source.name(), line,
           reason(error));
    }
    LPMC_REQUIRE(record.is_object(), corrupt, "{}: line {}: expected a JSON object, found {}", source.name(),
                 line, record.type_name());
    take("", record, fmt::format("line {}", line));
  }
}

void read_id_lists(
    TextSource& source,
    const std::function<void(const std::string& list, std::optional<std::string>&& id)>& take) {
  std::string list;
  bool in_list = false;
  parse_streaming(source, [&](int depth, Event event, json& parsed) {
    if (depth == 0) {
      LPMC_REQUIRE(event == Event::object_start || event == Event::object_end || event == Event::key, corrupt,
                   "{}: expected an object of lists of ids, found {}", source.name(),
                   event == Event::value ? parsed.type_name() : "an array");
      return true;
    }
    if (depth == 1 && event == Event::key) list = parsed.get<std::string>();
    if (depth == 1) in_list = event == Event::array_start;
    if (depth == 1 && in_list) take(list, std::nullopt);
    if (!in_list || depth != 2 || event != Event::value)
      return event != Event::array_end && event != Event::object_end;
    if (parsed.is_string()) {
      take(list, parsed.get<std::string>());
    } else if (parsed.is_number_integer()) {
      take(list, parsed.dump());
    }
    return false;
  });
}

}  // namespace lpmc
