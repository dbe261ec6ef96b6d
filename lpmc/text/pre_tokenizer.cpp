#define PCRE2_CODE_UNIT_WIDTH 8
#include "lpmc/text/pre_tokenizer.h"

#include <cstdint>
#include <new>
#include <span>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <pcre2.h>

#include "lpmc/base/error.h"

namespace lpmc {
namespace {

struct CharacterRange {
  char32_t first, last;
};

// Letters and numbers that Unicode 15.0 to 18.0 added. PCRE2 10.42 (Debian 12, Ubuntu 24.04) knows
// Unicode 14, later ones more; with these beside \p{L} and \p{N} every version cuts alike.
constexpr CharacterRange kLettersSinceUnicode15[] = {
    {0x558, 0x558},     {0x58B, 0x58C},     {0x88F, 0x88F},     {0xC5C, 0xC5C},     {0xCDC, 0xCDC},
    {0x1C89, 0x1C8A},   {0x208F, 0x208F},   {0x209D, 0x209F},   {0xA7CB, 0xA7CF},   {0xA7D2, 0xA7D2},
    {0xA7D4, 0xA7D4},   {0xA7DA, 0xA7DD},   {0xA7E2, 0xA7E2},   {0xA7F1, 0xA7F1},   {0xAB6C, 0xAB6D},
    {0x105C0, 0x105F3}, {0x107BB, 0x107BF}, {0x10940, 0x10959}, {0x10D4A, 0x10D65}, {0x10D6F, 0x10D85},
    {0x10EC2, 0x10EC7}, {0x10ED9, 0x10EEE}, {0x1123F, 0x11240}, {0x11380, 0x11389}, {0x1138B, 0x1138B},
    {0x1138E, 0x1138E}, {0x11390, 0x113B5}, {0x113B7, 0x113B7}, {0x113D1, 0x113D1}, {0x113D3, 0x113D3},
    {0x11B0A, 0x11B0A}, {0x11BC0, 0x11BE0}, {0x11DB0, 0x11DDB}, {0x11DF1, 0x11DF1}, {0x11F02, 0x11F02},
    {0x11F04, 0x11F10}, {0x11F12, 0x11F33}, {0x1342F, 0x1342F}, {0x13441, 0x13446}, {0x13460, 0x143FA},
    {0x16100, 0x1611D}, {0x16D40, 0x16D6C}, {0x16EA0, 0x16EB8}, {0x16EBB, 0x16ED3}, {0x16FF2, 0x16FF3},
    {0x187F8, 0x187FF}, {0x18CD6, 0x18CDA}, {0x18CFF, 0x18CFF}, {0x18D09, 0x18D20}, {0x18D80, 0x18DF2},
    {0x18E00, 0x19191}, {0x191A0, 0x191D2}, {0x1B123, 0x1B128}, {0x1B132, 0x1B132}, {0x1B155, 0x1B155},
    {0x1B168, 0x1B168}, {0x1D6A6, 0x1D6A6}, {0x1DF1F, 0x1DF81}, {0x1DF90, 0x1DF96}, {0x1DFCD, 0x1DFFF},
    {0x1E030, 0x1E06D}, {0x1E4D0, 0x1E4EB}, {0x1E5D0, 0x1E5ED}, {0x1E5F0, 0x1E5F0}, {0x1E6C0, 0x1E6DE},
    {0x1E6E0, 0x1E6E2}, {0x1E6E4, 0x1E6E5}, {0x1E6E7, 0x1E6ED}, {0x1E6F0, 0x1E6F4}, {0x1E6FE, 0x1E6FF},
    {0x2B739, 0x2B73F}, {0x2B81E, 0x2B81E}, {0x2CEA2, 0x2CEAD}, {0x2EBF0, 0x2EE5D}, {0x31350, 0x33479},
    {0x3D000, 0x3FC3F},
};

constexpr CharacterRange kNumbersSinceUnicode15[] = {
    {0x10D40, 0x10D49}, {0x116D0, 0x116E3}, {0x11BF0, 0x11BF9}, {0x11DE0, 0x11DE9}, {0x11F50, 0x11F59},
    {0x1246F, 0x1246F}, {0x12475, 0x1247F}, {0x12550, 0x12686}, {0x16130, 0x16139}, {0x16D70, 0x16D79},
    {0x16FF4, 0x16FF6}, {0x1CCF0, 0x1CCF9}, {0x1D2C0, 0x1D2D3}, {0x1E4F0, 0x1E4F9}, {0x1E5F1, 0x1E5FA},
};

// \s of Python's `regex` module, as the inside of a class. PCRE2's own has U+180E too.
constexpr std::string_view kSpace =
    "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{"
    "3000}";

std::string class_of(std::string_view property, std::span<const CharacterRange> additions) {
  std::string text(property);
  for (const CharacterRange& range : additions) {
    text += fmt::format("\\x{{{:x}}}-\\x{{{:x}}}", static_cast<std::uint32_t>(range.first),
                        static_cast<std::uint32_t>(range.last));
  }
  return text;
}

std::string pattern_text() {
  const std::string letter = class_of("\\p{L}", kLettersSinceUnicode15);
  const std::string number = class_of("\\p{N}", kNumbersSinceUnicode15);
  return fmt::format(
      "'s|'t|'re|'ve|'m|'ll|'d| ?[{letter}]+| ?[{number}]+| ?[^{space}{letter}{number}]+"
      "|[{space}]+(?![^{space}])|[{space}]+",
      fmt::arg("letter", letter), fmt::arg("number", number), fmt::arg("space", kSpace));
}

struct FreeCode {
  void operator()(pcre2_code* code) const noexcept { pcre2_code_free(code); }
};
struct FreeMatchData {
  void operator()(pcre2_match_data* data) const noexcept { pcre2_match_data_free(data); }
};

std::string error_text(int code) {
  PCRE2_UCHAR buffer[160];
  if (pcre2_get_error_message(code, buffer, sizeof buffer) < 0) return fmt::format("error {}", code);
  return std::string(static_cast<const char*>(static_cast<const void*>(buffer)));
}

}  // namespace

struct PreTokenizer::Pattern {
  std::unique_ptr<pcre2_code, FreeCode> code;
};

PreTokenizer::PreTokenizer() {
  const std::string text = pattern_text();
  int error = 0;
  PCRE2_SIZE offset = 0;
  auto pattern = std::make_shared<Pattern>();
  pattern->code.reset(pcre2_compile(static_cast<PCRE2_SPTR>(static_cast<const void*>(text.data())),
                                    text.size(), PCRE2_UTF | PCRE2_UCP, &error, &offset, nullptr));
  LPMC_REQUIRE(pattern->code != nullptr, unsupported,
               "pre-tokenizer: expected a PCRE2 library with Unicode support, found: {}", error_text(error));
  // Where the system forbids generated code, matching goes on without it.
  (void)pcre2_jit_compile(pattern->code.get(), PCRE2_JIT_COMPLETE);
  pattern_ = std::move(pattern);
}

void PreTokenizer::split(std::string_view text, std::vector<std::string_view>& words) const {
  const pcre2_code* code = pattern_->code.get();
  const std::unique_ptr<pcre2_match_data, FreeMatchData> match(
      pcre2_match_data_create_from_pattern(code, nullptr));
  if (match == nullptr) throw std::bad_alloc();
  const auto* subject = static_cast<PCRE2_SPTR>(static_cast<const void*>(text.data()));
  std::size_t position = 0;
  while (position < text.size()) {
    const int result =
        pcre2_match(code, subject, text.size(), position, PCRE2_NO_UTF_CHECK, match.get(), nullptr);
    LPMC_REQUIRE(result > 0, unsupported, "pre-tokenizer: byte {} of {}: {}", position, text.size(),
                 error_text(result));
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(match.get());
    words.push_back(text.substr(bounds[0], bounds[1] - bounds[0]));
    position = bounds[1];
  }
}

}  // namespace lpmc
