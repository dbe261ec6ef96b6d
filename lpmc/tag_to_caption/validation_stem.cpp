#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "lpmc/tag_to_caption/validation_words.h"

namespace lpmc {
namespace {

/// Words whose lemma or stem the rules below would get wrong, in a way that mixes up music's words.
const std::unordered_map<std::string_view, std::string_view>& irregular_lemmas() {
  static const std::unordered_map<std::string_view, std::string_view> words = {
      {"women", "woman"},     {"men", "man"},         {"children", "child"}, {"sang", "sing"},
      {"sung", "sing"},       {"brass", "brass"},     {"blues", "blues"},    {"has", "has"},
      {"was", "was"},         {"this", "this"},       {"its", "its"},        {"always", "always"},
      {"timpani", "timpani"}, {"series", "series"},   {"news", "news"},      {"sings", "sing"},
      {"synths", "synth"},    {"melodies", "melody"}, {"vibes", "vibes"},    {"keys", "key"}};
  return words;
}

const std::unordered_map<std::string_view, std::string_view>& irregular_stems() {
  static const std::unordered_map<std::string_view, std::string_view> words = {
      {"instrumental", "instrumental"},
      {"instrumentals", "instrumental"},
      {"lively", "lively"},
      {"lovely", "lovely"},
      {"funny", "funny"},
      {"party", "party"},
      {"passion", "passion"},
      {"passionate", "passion"},
      {"passionately", "passion"},
      {"organ", "organ"},
      {"organic", "organic"},
      {"harmonica", "harmonica"},
      {"progressive", "progressive"},
      {"progression", "progression"},
      {"ring", "ring"},
      {"electronica", "electronic"},
      {"electronics", "electronic"},
      {"relative", "relative"},
      {"session", "session"},
      {"story", "story"},
      {"body", "body"},
      {"early", "early"},
      {"only", "only"},
      {"male", "male"},
      {"mellow", "mellow"},
      {"metal", "metal"},
      {"viola", "viola"},
      {"minor", "minor"},
      {"major", "major"},
      {"marching", "march"},
      {"tango", "tango"},
      {"wedding", "wedding"},
      {"evening", "evening"},
      {"hollow", "hollow"},
      {"number", "number"},
      {"flower", "flower"},
      {"native", "native"},
      {"natural", "nature"},
      {"rap", "rap"},
      {"national", "nation"},
      {"house", "house"},
      {"live", "live"},
      {"player", "play"},
      {"horror", "horror"},
      {"trance", "trance"},
      {"universal", "universal"},
      {"classic", "classic"},
      {"class", "class"},
      {"popular", "popular"},
      {"poetic", "poem"},
      {"rhythmic", "rhythm"}};
  return words;
}

struct Ending {
  std::string_view letters;
  std::size_t least_left;  // letters that must stay
};
/// Longest first; the first that fits is cut off. "-less" stays: it turns the meaning round.
constexpr std::array<Ending, 37> kEndings = {
    {{"ational", 4}, {"ically", 4}, {"istic", 4}, {"ingly", 3}, {"iness", 3}, {"ation", 4}, {"ative", 4},
     {"ition", 4},   {"ional", 4},  {"edly", 3},  {"ally", 4},  {"ness", 3},  {"ment", 4},  {"ious", 4},
     {"eous", 4},    {"ical", 4},   {"etic", 4},  {"ful", 3},   {"ous", 4},   {"ing", 3},   {"ily", 3},
     {"ist", 4},     {"ism", 4},    {"ity", 4},   {"ive", 4},   {"ion", 4},   {"ate", 5},   {"ial", 4},
     {"ed", 3},      {"er", 3},     {"ic", 4},    {"ia", 4},    {"al", 4},    {"ly", 3},    {"y", 3},
     {"e", 3},       {"a", 5}}};

bool is_vowel(char c) {
  return std::string_view("aeiouy").find(c) != std::string_view::npos;
}

/// Cuts one ending off; false when none fits.
bool cut_ending(std::string& word) {
  for (const Ending& ending : kEndings) {
    if (ending.letters.back() != word.back() || !word.ends_with(ending.letters) ||
        word.size() < ending.letters.size() + ending.least_left)
      continue;
    const std::string_view left = std::string_view(word).substr(0, word.size() - ending.letters.size());
    if (std::none_of(left.begin(), left.end(), is_vowel)) continue;
    word.resize(left.size());
    return true;
  }
  return false;
}

void undouble(std::string& word) {
  const std::size_t n = word.size();
  if (n >= 4 && word[n - 1] == word[n - 2] && word[n - 1] != 's' && !is_vowel(word[n - 1])) word.pop_back();
}

}  // namespace

std::string plain_lemma(std::string_view word) {
  if (const auto found = irregular_lemmas().find(word); found != irregular_lemmas().end()) {
    return std::string(found->second);
  }
  std::string lemma(word);
  if (lemma.ends_with("'s") || lemma.ends_with("s'"))
    lemma.resize(lemma.size() - (lemma.ends_with("'s") ? 2 : 1));
  const std::size_t n = lemma.size();
  if (n < 4 || lemma[n - 1] != 's' || lemma.ends_with("ss") || lemma.ends_with("us") ||
      lemma.ends_with("is")) {
    return lemma;
  }
  if (lemma.ends_with("ies") && n > 4) {
    lemma.replace(n - 3, 3, "y");
  } else if (lemma.ends_with("sses") || lemma.ends_with("shes") || lemma.ends_with("ches") ||
             lemma.ends_with("xes")) {
    lemma.resize(n - 2);
  } else if (lemma[n - 2] < '0' || lemma[n - 2] > '9') {  // "80s" stays
    lemma.resize(n - 1);
  }
  return lemma;
}

std::string plain_stem(std::string_view lemma) {
  std::string stem(lemma);
  for (int pass = 0; pass < 2; ++pass) {
    if (const auto found = irregular_stems().find(stem); found != irregular_stems().end()) {
      return std::string(found->second);
    }
    if (stem.size() < 4 || !cut_ending(stem)) break;
  }
  undouble(stem);
  return stem;
}

}  // namespace lpmc
