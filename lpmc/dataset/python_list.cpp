#include "lpmc/dataset/python_list.h"

#include <cstdint>

#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\f\v";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_utf8(std::string& text, std::uint32_t point) {
  if (point < 0x80) {
    text += static_cast<char>(point);
    return;
  }
  const int extra = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  constexpr std::uint32_t kLead[] = {0, 0xC0, 0xE0, 0xF0};
  text += static_cast<char>(kLead[extra] | point >> (6 * extra));
  for (int i = extra - 1; i >= 0; --i)
    text += static_cast<char>(0x80 | (point >> (6 * i) & 0x3F));
}

class ListParser {
 public:
  explicit ListParser(std::string_view text) : rest_(text) {}

  bool parse(std::vector<std::string>& items) {
    skip_blanks();
    if (!take('[')) return false;
    while (true) {
      skip_blanks();
      if (take(']')) break;
      std::string item;
      bool keep = true;
      if (!parse_item(item, keep)) return false;
      if (keep) items.push_back(std::move(item));
      skip_blanks();
      if (!take(',') && !at_item()) {
        if (!take(']')) return false;
        break;
      }
    }
    skip_blanks();
    return rest_.empty();
  }

 private:
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip_blanks() {
    const std::size_t end = rest_.find_first_not_of(kBlanks);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end);
  }
  /// NumPy puts nothing but blanks between strings.
  bool at_item() const { return !rest_.empty() && (rest_.front() == '\'' || rest_.front() == '"'); }

  bool parse_item(std::string& item, bool& keep) {
    if (rest_.size() > 1 && rest_.front() == 'u' && (rest_[1] == '\'' || rest_[1] == '"'))
      rest_.remove_prefix(1);
    if (at_item()) return parse_string(item);
    item = rest_.substr(0, rest_.find_first_of(" \t\r\n,]"));
    rest_.remove_prefix(item.size());
    keep = item != "None" && item != "null" && item != "nan" && item != "NaN";
    if (item.empty()) return false;
    return !keep || item.find_first_not_of("+-0123456789.eE") == std::string::npos;
  }

  bool parse_string(std::string& item) {
    const char quote = rest_.front();
    rest_.remove_prefix(1);
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == quote) return is_valid_utf8(item);
      if (c != '\\') {
        item += c;
      } else if (!parse_escape(item)) {
        return false;
      }
    }
    return false;
  }

  bool parse_escape(std::string& item) {
    if (rest_.empty()) return false;
    const char c = rest_.front();
    rest_.remove_prefix(1);
    constexpr std::string_view kNames = "abfnrtv\\'\"/";
    constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"/";
    if (const std::size_t at = kNames.find(c); at != std::string_view::npos) {
      item += kMeanings[at];
      return true;
    }
    if (c == 'x') return parse_code_point(item, 2);
    if (c == 'u') return parse_code_point(item, 4);
    if (c == 'U') return parse_code_point(item, 8);
    if (c == '\n') return true;  // a line continued inside a literal
    item += '\\';                // Python keeps an escape that it does not know
    item += c;
    return true;
  }

  bool parse_hex(std::uint32_t& value, std::size_t digits) {
    if (rest_.size() < digits) return false;
    value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const int digit = hex_value(rest_[i]);
      if (digit < 0) return false;
      value = value << 4U | static_cast<std::uint32_t>(digit);
    }
    rest_.remove_prefix(digits);
    return true;
  }

  bool parse_code_point(std::string& item, std::size_t digits) {
    std::uint32_t point = 0;
    if (!parse_hex(point, digits)) return false;
    if (point >= 0xD800 && point < 0xDC00) {  // JSON writes what is beyond U+FFFF as two of these
      std::uint32_t low = 0;
      if (!take('\\') || !take('u') || !parse_hex(low, 4) || low < 0xDC00 || low > 0xDFFF) return false;
      point = 0x10000 + ((point - 0xD800) << 10U) + (low - 0xDC00);
    }
    if (point > 0x10FFFF || (point >= 0xDC00 && point < 0xE000)) return false;
    append_utf8(item, point);
    return true;
  }

  std::string_view rest_;
};

}  // namespace

std::optional<std::vector<std::string>> parse_python_list(std::string_view text) {
  std::vector<std::string> items;
  if (!ListParser(text).parse(items)) return std::nullopt;
  return items;
}

}  // namespace lpmc
