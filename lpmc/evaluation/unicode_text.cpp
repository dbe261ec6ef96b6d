#include "lpmc/evaluation/unicode_text.h"

#include <algorithm>
#include <cstdint>

#include <unicode/bytestream.h>
#include <unicode/casemap.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr std::uint32_t kLettersAndNumbers = U_GC_L_MASK | U_GC_N_MASK;

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

bool is_ascii_upper(char c) {
  return c >= 'A' && c <= 'Z';
}

UChar32 icu(char32_t c) {
  return static_cast<UChar32>(c);
}

/// Reads the code point at `i` and steps over it. U8_NEXT takes exactly the maximal subparts of
/// ill-formed text that replace_invalid_utf8 takes.
char32_t next_code_point(std::string_view text, std::size_t& i) {
  const char* const s = text.data();
  UChar32 c = 0;
  U8_NEXT(s, i, text.size(), c);
  return c < 0 ? kReplacement : static_cast<char32_t>(c);
}

}  // namespace

std::u32string to_code_points(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();)
    out += next_code_point(text, i);
  return out;
}

std::string to_utf8(std::u32string_view code_points) {
  std::string out;
  out.reserve(code_points.size());
  for (char32_t c : code_points) {
    if (c > 0x10FFFF || U_IS_SURROGATE(c)) c = kReplacement;
    if (c < 0x80) {
      out += static_cast<char>(c);
      continue;
    }
    std::uint8_t bytes[U8_MAX_LENGTH];
    std::size_t length = 0;
    U8_APPEND_UNSAFE(bytes, length, c);
    for (std::size_t i = 0; i < length; ++i)
      out += static_cast<char>(bytes[i]);
  }
  return out;
}

bool is_white_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F);
  return u_isUWhiteSpace(icu(c));
}

bool is_word_character(char32_t c) {
  return c == '_' || (U_GET_GC_MASK(icu(c)) & kLettersAndNumbers) != 0;
}

bool is_decimal_digit(char32_t c) {
  return u_isdigit(icu(c));
}

bool is_lower_case(char32_t c) {
  return u_isULowercase(icu(c));
}

bool is_upper_case(char32_t c) {
  return u_isUUppercase(icu(c));
}

std::string to_lower_case(std::string_view text) {
  if (is_ascii(text)) {
    std::string out(text);
    for (char& c : out) {
      if (is_ascii_upper(c)) c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
  }
  const std::string valid = replace_invalid_utf8(text);
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  UErrorCode error = U_ZERO_ERROR;
  icu::CaseMap::utf8ToLower("", 0, icu::StringPiece(valid.data(), static_cast<std::int32_t>(valid.size())),
                            sink, nullptr, error);
  LPMC_REQUIRE(U_SUCCESS(error), invalid_argument, "lower case of {} bytes: ICU reports {}", valid.size(),
               u_errorName(error));
  return out;
}

std::vector<std::string_view> split_white_space(std::string_view text) {
  std::vector<std::string_view> pieces;
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t here = i;
    if (!is_white_space(next_code_point(text, i))) continue;
    if (here > start) pieces.push_back(text.substr(start, here - start));
    start = i;
  }
  if (start < text.size()) pieces.push_back(text.substr(start));
  return pieces;
}

}  // namespace lpmc
