#include "lpmc/evaluation/unicode_text.h"

#include <random>

#include <gmock/gmock.h>

#include "lpmc/base/utf8.h"

#include "tests/support/random_text.h"

namespace lpmc {
namespace {

using testing::ElementsAre;

TEST(UnicodeText, RoundTripsAndReplacesWhatIsNoUtf8) {
  std::mt19937 random(1);
  for (int i = 0; i < 500; ++i) {
    std::string text = test::random_text(random);
    EXPECT_EQ(to_utf8(to_code_points(text)), text);
    for (char& c : text) {
      if (random() % 4 == 0) c = static_cast<char>(random());
    }
    EXPECT_EQ(to_utf8(to_code_points(text)), replace_invalid_utf8(text));
    EXPECT_EQ(to_lower_case(text), to_lower_case(replace_invalid_utf8(text)));
  }
  EXPECT_EQ(to_utf8(std::u32string{0xD800, 0x110000, 'a'}), "\uFFFD\uFFFDa");
}

TEST(UnicodeText, LowersWithContext) {
  EXPECT_EQ(to_lower_case("Lo-FI 90S"), "lo-fi 90s");
  EXPECT_EQ(to_lower_case("\u0130"), "i\u0307");
  EXPECT_EQ(to_lower_case("\u039F\u03A3 \u03A3\u039F"), "\u03BF\u03C2 \u03C3\u03BF");
  EXPECT_EQ(to_lower_case("\u1E9E"), "\u00DF");
  EXPECT_EQ(to_lower_case(""), "");
}

TEST(UnicodeText, KnowsPythonsClassesOfCharacters) {
  for (const char32_t c : U" \t\n\r\v\f\x1C\x1D\x1E\x1F\u0085\u00A0\u1680\u2003\u2028\u3000") {
    if (c == 0) continue;
    EXPECT_TRUE(is_white_space(c)) << static_cast<int>(c);
  }
  for (const char32_t c : {U'a', U'\x1B', U'\u200B', U'\uFEFF', U'\u180E'})
    EXPECT_FALSE(is_white_space(c)) << static_cast<int>(c);
  for (const char32_t c : {U'a', U'Z', U'_', U'0', U'\u00E9', U'\u00B2', U'\u4E2D', U'\u2167', U'\u0663'})
    EXPECT_TRUE(is_word_character(c)) << static_cast<int>(c);
  for (const char32_t c : {U' ', U'-', U'\'', U'\u0301', U'\u2019', U'\U0001F3B5'})
    EXPECT_FALSE(is_word_character(c)) << static_cast<int>(c);
  EXPECT_TRUE(is_decimal_digit(U'\u0663'));
  EXPECT_FALSE(is_decimal_digit(U'\u00B2'));
  EXPECT_TRUE(is_lower_case(U'\u00AA'));
  EXPECT_TRUE(is_upper_case(U'\u00C9'));
  EXPECT_FALSE(is_upper_case(U'\u01C5'));  // title case
}

TEST(UnicodeText, SplitsAtWhiteSpace) {
  EXPECT_THAT(split_white_space("\u00A0a  b\u2009\nc\xFF"), ElementsAre("a", "b", "c\xFF"));
  EXPECT_TRUE(split_white_space("").empty());
}

}  // namespace
}  // namespace lpmc
