#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "lpmc/tag_to_caption/validation_text.h"

namespace lpmc {
namespace {

using WordSet = std::unordered_set<std::string_view>;

/// A word with its capitals, and what stands before it.
struct Token {
  std::string_view text;
  std::string lower;
  bool capital = false;  ///< first letter
  bool all_capitals = false;
  bool after_end = true;  ///< first of a sentence, list item or quotation
  bool in_quotes = false;
};

bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_lower(char c) {
  return (c >= 'a' && c <= 'z') || (static_cast<unsigned char>(c) & 0x80) != 0;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

Token make_token(std::string_view text) {
  Token token;
  token.text = text;
  for (const char c : text)
    token.lower += is_upper(c) ? static_cast<char>(c + 32) : c;
  token.capital = is_upper(text[0]);
  token.all_capitals = std::none_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  return token;
}

std::vector<Token> read_tokens(std::string_view caption) {
  std::vector<Token> tokens;
  bool after_end = true, in_quotes = false;
  for (std::size_t i = 0; i < caption.size();) {
    const char c = caption[i];
    if (is_upper(c) || is_lower(c) || is_digit(c)) {
      // Typographic quotes are no letters, although their bytes are over 0x7F.
      if (caption.substr(i).starts_with("\xE2\x80")) {
        const char third = i + 2 < caption.size() ? caption[i + 2] : '\0';
        if (third == '\x9C') in_quotes = after_end = true;
        if (third == '\x9D') in_quotes = false;
        i += std::min<std::size_t>(3, caption.size() - i);
        continue;
      }
      std::size_t end = i;
      while (end < caption.size() &&
             (is_upper(caption[end]) || is_lower(caption[end]) || is_digit(caption[end])) &&
             !caption.substr(end).starts_with("\xE2\x80")) {
        ++end;
      }
      tokens.push_back(make_token(caption.substr(i, end - i)));
      tokens.back().after_end = after_end;
      tokens.back().in_quotes = in_quotes;
      after_end = false;
      i = end;
      continue;
    }
    if (c == '"') {
      in_quotes = !in_quotes;
      after_end = true;
    }
    if (c == '.' || c == '/' || c == '!' || c == '?' || c == ':' || c == '\n') after_end = true;
    ++i;
  }
  return tokens;
}

/// Words that English or musicians write with a capital and that name no person and no record.
bool is_no_name(const Token& token) {
  static const WordSet words = {
      // genres and their parts
      "rock", "pop", "jazz", "blues", "hip", "hop", "soul", "funk", "disco", "house", "techno", "trance",
      "metal", "punk", "folk", "country", "classical", "electronic", "dance", "music", "ambient", "new",
      "age", "edm", "rnb", "dj", "mc", "lofi", "lo", "fi", "bossa", "nova", "salsa", "samba", "tango",
      "flamenco", "reggae", "ska", "dub", "gospel", "latin", "world", "indie", "grunge", "trap", "rap",
      "opera", "baroque", "gothic", "goth", "western", "eastern", "middle", "east", "south", "north", "west",
      "bollywood", "carnatic", "hindustani", "mariachi", "bluegrass", "idm", "vocal", "choir", "orchestra",
      "song", "march", "waltz", "ballad", "r", "b", "k", "j", "uk", "us", "usa", "tv", "british", "invasion",
      "motown", "britpop", "krautrock", "christmas", "halloween", "easter", "christian", "hindu", "jewish",
      "klezmer", "islamic", "buddhist", "gregorian", "romantic", "renaissance", "medieval", "celtic", "delta",
      "memphis", "chicago", "detroit", "nashville", "texas", "california", "berlin", "london", "york",
      "orleans", "coast",
      // peoples, languages, countries
      "english", "spanish", "french", "german", "italian", "portuguese", "russian", "greek", "turkish",
      "arabic", "arab", "persian", "indian", "punjabi", "tamil", "hindi", "urdu", "chinese", "japanese",
      "korean", "asian", "african", "american", "latino", "cuban", "brazilian", "mexican", "jamaican",
      "caribbean", "irish", "scottish", "welsh", "australian", "canadian", "european", "scandinavian",
      "swedish", "norwegian", "finnish", "danish", "dutch", "polish", "hungarian", "romanian", "balkan",
      "gypsy", "hawaiian", "united", "kingdom", "states", "great", "britain", "balkans", "romania",
      "romanian", "russia", "korea", "djs", "mcs", "scotland", "turkey", "iran", "egypt", "greece",
      "portugal", "australia", "canada", "asia", "nigeria", "colombia", "argentina", "thai", "vietnamese",
      "indonesian", "filipino", "mongolian", "tibetan", "israeli", "hebrew", "egyptian", "moroccan",
      "ethiopian", "nigerian", "andean", "peruvian", "colombian", "argentinian", "argentine", "oriental",
      "mediterranean", "native", "india", "china", "japan", "africa", "america", "europe", "brazil", "mexico",
      "france", "spain", "italy", "germany", "ireland", "jamaica", "cuba", "england",
      // technique, time, letters
      "bpm", "lp", "ep", "cd", "vhs", "fm", "am", "a", "i", "c", "d", "e", "f", "g", "casio", "moog",
      "hammond", "rhodes", "stratocaster", "fender", "youtube", "asmr", "sfx", "fx", "monday", "friday",
      "saturday", "sunday", "january", "december", "god", "bc", "ok", "sci", "dnb", "roland", "tr", "808",
      "909", "midi", "leslie", "wah", "lead"};
  return words.contains(token.lower);
}

bool introduces_name(const Token& token) {
  static const WordSet words = {"by",    "titled", "entitled", "called",   "album",    "artist",
                                "named", "from",   "singer",   "band",     "composer", "rapper",
                                "like",  "legend", "dj",       "featuring"};
  return words.contains(token.lower);
}

}  // namespace

bool has_names(std::string_view caption, std::span<const std::string> tags) {
  const std::vector<Token> tokens = read_tokens(caption);
  WordSet given;
  std::vector<std::vector<Token>> read;
  for (const std::string& tag : tags)
    read.push_back(read_tokens(tag));
  for (const auto& tag : read) {
    for (const Token& token : tag)
      given.insert(token.lower);
  }
  const auto could_be = [&](const Token& token) {
    return token.capital && token.text.size() > 1 && !is_no_name(token) && !given.contains(token.lower);
  };
  // A caption in Title Case Throughout says nothing by its capitals.
  const auto capitals = std::count_if(tokens.begin(), tokens.end(), [](const Token& t) { return t.capital; });
  if (capitals * 2 > static_cast<long>(tokens.size()) && tokens.size() > 4) return false;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (!could_be(token)) continue;
    const bool next = i + 1 < tokens.size() && !tokens[i + 1].after_end && could_be(tokens[i + 1]);
    if (token.in_quotes && next) return true;
    if (token.after_end) continue;
    if (next && !token.all_capitals) return true;
    std::size_t before = i;
    while (before > 0 && (tokens[before - 1].lower == "the" || tokens[before - 1].lower == "a"))
      --before;
    if (before > 0 && introduces_name(tokens[before - 1]) && !token.all_capitals) return true;
  }
  return false;
}

}  // namespace lpmc
