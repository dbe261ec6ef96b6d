#include "lpmc/captioning/plain_text.h"

#include <cstdint>

#include <fmt/format.h>

#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Bytes of the blank or line end at the start of `rest`, 0 when there is none.
std::size_t blank_length(std::string_view rest) {
  if (rest.front() == ' ' || (rest.front() >= '\t' && rest.front() <= '\r')) return 1;
  if (rest.starts_with("\xC2\x85")) return 2;  // NEXT LINE
  if (rest.starts_with("\xE2\x80\xA8") || rest.starts_with("\xE2\x80\xA9"))
    return 3;  // LINE, PARAGRAPH SEPARATOR
  return 0;
}

/// Bytes of the control character at the start of `rest`, 0 when it is something else.
std::size_t control_length(std::string_view rest) {
  const auto byte = static_cast<std::uint8_t>(rest.front());
  if (byte < 0x20 || byte == 0x7F) return 1;
  if (byte == 0xC2 && static_cast<std::uint8_t>(rest[1]) < 0xA0) return 2;
  return 0;
}

}  // namespace

std::string one_line(std::string_view text) {
  const std::string valid = replace_invalid_utf8(text);
  std::string_view rest = valid;
  std::string line;
  line.reserve(valid.size());
  bool blank = false;
  while (!rest.empty()) {
    if (const std::size_t length = blank_length(rest); length > 0) {
      blank = true;
      rest.remove_prefix(length);
      continue;
    }
    if (blank && !line.empty()) line += ' ';
    blank = false;
    if (const std::size_t length = control_length(rest); length > 0) {
      line += kReplacement;
      rest.remove_prefix(length);
    } else {
      line += rest.front();
      rest.remove_prefix(1);
    }
  }
  return line;
}

std::string percent_encoded(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (c == '%' || byte < 0x20 || byte >= 0x7F) {
      out += fmt::format("%{:02X}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

std::string replace_all(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

}  // namespace lpmc
