#include "lpmc/text/byte_alphabet.h"

#include <array>

namespace lpmc {
namespace {

constexpr char32_t kFirstStandIn = 0x100;

bool stands_for_itself(std::uint32_t byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

struct Alphabet {
  std::array<char32_t, 256> characters{};
  std::array<std::string, 256> tokens;
  std::array<std::uint8_t, 68> stand_ins{};  // bytes of U+0100, U+0101, ...

  Alphabet() {
    std::size_t count = 0;
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      if (stands_for_itself(byte)) {
        characters[byte] = byte;
      } else {
        characters[byte] = kFirstStandIn + static_cast<char32_t>(count);
        stand_ins[count++] = static_cast<std::uint8_t>(byte);
      }
      const char32_t c = characters[byte];
      if (c < 0x80) {
        tokens[byte] = static_cast<char>(c);
      } else {
        tokens[byte] = {static_cast<char>(0xC0 | (c >> 6)), static_cast<char>(0x80 | (c & 0x3F))};
      }
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet instance;
  return instance;
}

}  // namespace

char32_t byte_character(std::uint8_t byte) {
  return alphabet().characters[byte];
}

std::string_view byte_token(std::uint8_t byte) {
  return alphabet().tokens[byte];
}

std::optional<std::uint8_t> character_byte(char32_t character) {
  if (character < 256) {
    if (!stands_for_itself(character)) return std::nullopt;
    return static_cast<std::uint8_t>(character);
  }
  const char32_t index = character - kFirstStandIn;
  if (index >= alphabet().stand_ins.size()) return std::nullopt;
  return alphabet().stand_ins[index];
}

char32_t take_character(std::string_view& text) {
  const auto lead = static_cast<std::uint8_t>(text.front());
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  char32_t character = length == 1 ? lead : lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    character = (character << 6) | (static_cast<std::uint8_t>(text[i]) & 0x3FU);
  }
  text.remove_prefix(length);
  return character;
}

bool is_python_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

}  // namespace lpmc
