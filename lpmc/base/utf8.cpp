#include "lpmc/base/utf8.h"

#include <cstdint>

#include <fmt/format.h>

namespace lpmc {
namespace {

struct Sequence {
  std::size_t length;  // bytes of the sequence, or of its maximal ill-formed subpart
  bool valid;
};

/// Reads the sequence at the start of `text` (not empty). Table 3-7 of the Unicode standard.
Sequence read_sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {1, true};
  std::size_t length = 0;
  std::uint8_t low = 0x80, high = 0xBF;  // bounds of the second byte
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return {1, false};
  }
  for (std::size_t i = 1; i < length; ++i) {
    if (i >= text.size() || byte(i) < low || byte(i) > high) return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true};
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const Sequence sequence = read_sequence(text);
    if (!sequence.valid) return false;
    text.remove_prefix(sequence.length);
  }
  return true;
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Sequence sequence = read_sequence(text);
    if (sequence.valid) {
      out.append(text.substr(0, sequence.length));
    } else {
      out.append("\xEF\xBF\xBD");
    }
    text.remove_prefix(sequence.length);
  }
  return out;
}

std::string display_path(const std::filesystem::path& path) {
  std::string out;
  for (const char c : replace_invalid_utf8(path.native())) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace lpmc
