#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lpmc {

/// A value as JSON or Python would write it.
struct LiteralValue {
  enum class Kind { nothing, word, string, list, dictionary };
  Kind kind = Kind::nothing;      ///< nothing: null, None
  std::string text;               ///< of a string, or a word: 12, True
  std::vector<std::string> keys;  ///< of a dictionary, beside items
  std::vector<LiteralValue> items;
};

/// How a quotation mark inside a string is understood.
enum class QuoteRule {
  strict,  ///< it ends the string
  lax,     ///< it ends the string only where a string can end: 'It's a song' is one string
};

struct LiteralResult {
  LiteralValue value;  ///< what was read; where not whole, the members before the damage
  bool whole = false;
  bool cut_off = false;  ///< not whole because the text ended
};

/// Reads the dictionary that begins with text[0] == '{': JSON or Python, single, double, triple and
/// typographic quotes, prefixes (r, u, f, b), adjacent strings, comments, trailing commas. Bounded in depth
/// (32) and values (10,000).
LiteralResult read_literal_dictionary(std::string_view text, QuoteRule rule);

}  // namespace lpmc
