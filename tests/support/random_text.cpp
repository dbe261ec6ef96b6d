#include "tests/support/random_text.h"

#include <iterator>

namespace lpmc::test {

std::string random_text(std::mt19937& random) {
  const auto utf8 = [](char32_t c) {
    std::string out;
    const auto put = [&](char32_t byte) { out += static_cast<char>(byte); };
    if (c < 0x80) {
      put(c);
    } else if (c < 0x800) {
      put(0xC0 | (c >> 6)), put(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
      put(0xE0 | (c >> 12)), put(0x80 | ((c >> 6) & 0x3F)), put(0x80 | (c & 0x3F));
    } else {
      put(0xF0 | (c >> 18)), put(0x80 | ((c >> 12) & 0x3F)), put(0x80 | ((c >> 6) & 0x3F)),
          put(0x80 | (c & 0x3F));
    }
    return out;
  };
  std::string text;
  const std::size_t pieces = random() % 30;
  for (std::size_t i = 0; i < pieces; ++i) {
    const char32_t limits[] = {0x80, 0x250, 0x800, 0xD800, 0x10000, 0x110000};
    const char* words[] = {" the", "melody", "'s", " guitar", "  ", "ing", "120", " Bass", "\n", "..."};
    char32_t c = random() % limits[random() % std::size(limits)];
    if (c >= 0xD800 && c < 0xE000) c -= 0x1000;
    text += random() % 2 == 0 || c == '<' ? words[random() % std::size(words)] : utf8(c);
  }
  return text;
}

}  // namespace lpmc::test
