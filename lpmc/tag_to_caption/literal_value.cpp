#include "lpmc/tag_to_caption/literal_value.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <optional>

namespace lpmc {
namespace {

constexpr int kMaxDepth = 32;
constexpr int kMaxValues = 10'000;
constexpr std::size_t kLookAhead = 64;

struct Quote {
  std::string_view open, close;
};

/// Longer ones first: a triple quote begins like a single one.
constexpr std::array<Quote, 6> kQuotes{{{"\"\"\"", "\"\"\""},
                                        {"'''", "'''"},
                                        {"\"", "\""},
                                        {"'", "'"},
                                        {"\xE2\x80\x9C", "\xE2\x80\x9D"},
                                        {"\xE2\x80\x98", "\xE2\x80\x99"}}};

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto add = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xC0U | (code >> 6U));
    add(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    add(0xE0U | (code >> 12U));
    add(0x80U | ((code >> 6U) & 0x3FU));
    add(0x80U | (code & 0x3FU));
  } else {
    add(0xF0U | (code >> 18U));
    add(0x80U | ((code >> 12U) & 0x3FU));
    add(0x80U | ((code >> 6U) & 0x3FU));
    add(0x80U | (code & 0x3FU));
  }
}

class Reader {
 public:
  Reader(std::string_view text, QuoteRule rule) : text_(text), rule_(rule) {}

  bool read_value(LiteralValue& value, int depth);
  bool at_end() const { return at_ >= text_.size(); }

 private:
  bool read_dictionary(LiteralValue& value, int depth);
  bool read_list(LiteralValue& value, int depth, char close);
  bool read_strings(std::string& out);
  bool read_string(const Quote& quote, bool raw, std::string& out);
  void read_escape(std::string& out);
  bool read_word(LiteralValue& value);
  std::optional<std::uint32_t> read_hex(std::size_t at, std::size_t digits) const;
  const Quote* quote_at(std::size_t at) const;
  const Quote* string_start(std::size_t& skip, bool& raw) const;
  bool can_end_string(std::size_t at) const;
  void skip_space();
  bool take(char c);

  std::string_view text_;
  QuoteRule rule_;
  std::size_t at_ = 0;
  int values_ = 0;
};

void Reader::skip_space() {
  while (at_ < text_.size()) {
    if (is_space(text_[at_])) {
      ++at_;
    } else if (text_[at_] == '#' || text_.substr(at_).starts_with("//")) {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (text_.substr(at_).starts_with("\xC2\xA0")) {
      at_ += 2;
    } else {
      return;
    }
  }
}

bool Reader::take(char c) {
  skip_space();
  if (at_ >= text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

const Quote* Reader::quote_at(std::size_t at) const {
  for (const Quote& quote : kQuotes)
    if (text_.substr(at).starts_with(quote.open)) return &quote;
  return nullptr;
}

/// The quote of a string that begins here, after up to two prefix letters.
const Quote* Reader::string_start(std::size_t& skip, bool& raw) const {
  raw = false;
  for (skip = 0; skip <= 2 && at_ + skip < text_.size(); ++skip) {
    if (const Quote* const quote = quote_at(at_ + skip)) return quote;
    const char c = text_[at_ + skip];
    if (std::string_view("rRbBuUfF").find(c) == std::string_view::npos) return nullptr;
    raw = raw || c == 'r' || c == 'R';
  }
  return nullptr;
}

bool Reader::read_value(LiteralValue& value, int depth) {
  skip_space();
  if (at_end() || depth > kMaxDepth || ++values_ > kMaxValues) return false;
  switch (text_[at_]) {
    case '{':
      return read_dictionary(value, depth);
    case '[':
      return read_list(value, depth, ']');
    case '(':
      return read_list(value, depth, ')');
    default:
      break;
  }
  std::size_t skip = 0;
  bool raw = false;
  if (string_start(skip, raw) != nullptr) {
    value.kind = LiteralValue::Kind::string;
    return read_strings(value.text);
  }
  return read_word(value);
}

bool Reader::read_dictionary(LiteralValue& value, int depth) {
  value.kind = LiteralValue::Kind::dictionary;
  ++at_;
  for (;;) {
    if (take('}')) return true;
    LiteralValue key, item;
    if (!read_value(key, depth + 1) || key.text.empty()) return false;
    if (!take(':')) return false;
    const bool read = read_value(item, depth + 1);
    skip_space();
    // A member counts once it is seen to end: what follows 'It' in 'It's a song' is no end. Of lists and
    // dictionaries that broke off, what was whole in them.
    const bool ended = read && (at_end() || text_[at_] == ',' || text_[at_] == '}');
    if (ended || !item.items.empty()) {
      value.keys.push_back(std::move(key.text));
      value.items.push_back(std::move(item));
    }
    if (!ended) return false;
    if (take(',')) continue;
    return take('}');
  }
}

bool Reader::read_list(LiteralValue& value, int depth, char close) {
  value.kind = LiteralValue::Kind::list;
  ++at_;
  for (;;) {
    if (take(close)) return true;
    LiteralValue item;
    if (!read_value(item, depth + 1)) return false;
    value.items.push_back(std::move(item));
    if (take(',')) continue;
    return take(close);
  }
}

/// One string or several with white space between, as Python joins them.
bool Reader::read_strings(std::string& out) {
  bool any = false;
  for (;;) {
    const std::size_t before = at_;
    skip_space();
    if (any && at_ == before) return true;
    std::size_t skip = 0;
    bool raw = false;
    const Quote* const quote = at_end() ? nullptr : string_start(skip, raw);
    if (quote == nullptr) return any;
    at_ += skip + quote->open.size();
    if (!read_string(*quote, raw, out)) return false;
    any = true;
  }
}

bool Reader::read_string(const Quote& quote, bool raw, std::string& out) {
  while (!at_end()) {
    if (text_.substr(at_).starts_with(quote.close)) {
      const std::size_t after = at_ + quote.close.size();
      if (rule_ == QuoteRule::strict || quote.close.size() == 3 || can_end_string(after)) {
        at_ = after;
        return true;
      }
    }
    if (text_[at_] == '\\' && !raw) {
      read_escape(out);
    } else {
      out += text_[at_++];
    }
  }
  return false;
}

/// True when the text from `at` can follow a string: the end, a closing bracket, a colon, or a comma before
/// the next string or bracket.
bool Reader::can_end_string(std::size_t at) const {
  const std::string_view rest = text_.substr(at, kLookAhead);
  std::size_t i = 0;
  const auto skip = [&] {
    while (i < rest.size() && is_space(rest[i]))
      ++i;
  };
  skip();
  if (i >= rest.size()) return true;
  const char c = rest[i];
  if (c == '}' || c == ']' || c == ')' || c == ':') return true;
  if (c != ',') return false;
  ++i;
  skip();
  if (i >= rest.size()) return true;
  return std::string_view("\"'}])[{").find(rest[i]) != std::string_view::npos || quote_at(at + i) != nullptr;
}

std::optional<std::uint32_t> Reader::read_hex(std::size_t at, std::size_t digits) const {
  const std::string_view hex = text_.substr(std::min(at, text_.size()), digits);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
  if (hex.size() != digits || error != std::errc() || end != hex.data() + digits) return std::nullopt;
  return value;
}

void Reader::read_escape(std::string& out) {
  const char c = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
  static constexpr std::string_view kNames = "ntrbf\"'\\/";
  static constexpr std::string_view kMeans = "\n\t\r\b\f\"'\\/";
  const std::size_t name = c == '\0' ? std::string_view::npos : kNames.find(c);
  if (name != std::string_view::npos) {
    out += kMeans[name];
    at_ += 2;
    return;
  }
  if (c == '\n') {  // a line that goes on
    at_ += 2;
    return;
  }
  const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  std::optional<std::uint32_t> code;
  if (digits > 0) code = read_hex(at_ + 2, digits);
  if (!code) {
    out += text_[at_++];  // an unknown escape is left as it is
    return;
  }
  at_ += 2 + digits;
  if (*code >= 0xD800 && *code < 0xDC00 && text_.substr(std::min(at_, text_.size())).starts_with("\\u")) {
    const auto low = read_hex(at_ + 2, 4);
    if (low && *low >= 0xDC00 && *low < 0xE000) {
      code = 0x10000 + ((*code - 0xD800) << 10U) + (*low - 0xDC00);
      at_ += 6;
    }
  }
  if (*code > 0x10FFFF || (*code >= 0xD800 && *code < 0xE000)) code = 0xFFFD;
  append_utf8(out, *code);
}

bool Reader::read_word(LiteralValue& value) {
  const std::size_t begin = at_;
  while (at_ < text_.size() &&
         (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_' ||
          text_[at_] == '.' || text_[at_] == '-' || text_[at_] == '+')) {
    ++at_;
  }
  value.text = text_.substr(begin, at_ - begin);
  value.kind =
      value.text == "null" || value.text == "None" ? LiteralValue::Kind::nothing : LiteralValue::Kind::word;
  return !value.text.empty();
}

}  // namespace

LiteralResult read_literal_dictionary(std::string_view text, QuoteRule rule) {
  LiteralResult result;
  Reader reader(text, rule);
  result.whole = reader.read_value(result.value, 0);
  result.cut_off = !result.whole && reader.at_end();
  return result;
}

}  // namespace lpmc
