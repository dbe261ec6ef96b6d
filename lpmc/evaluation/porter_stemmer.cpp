#include "lpmc/evaluation/porter_stemmer.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "lpmc/evaluation/unicode_text.h"

namespace lpmc {
namespace {

using Text = std::u32string_view;

struct Rule {
  Text ending;
  Text replacement;
};

constexpr std::array<std::pair<Text, Text>, 16> kWholeWords{{{U"sky", U"sky"},
                                                             {U"skies", U"sky"},
                                                             {U"dying", U"die"},
                                                             {U"lying", U"lie"},
                                                             {U"tying", U"tie"},
                                                             {U"news", U"news"},
                                                             {U"innings", U"inning"},
                                                             {U"inning", U"inning"},
                                                             {U"outings", U"outing"},
                                                             {U"outing", U"outing"},
                                                             {U"cannings", U"canning"},
                                                             {U"canning", U"canning"},
                                                             {U"howe", U"howe"},
                                                             {U"proceed", U"proceed"},
                                                             {U"exceed", U"exceed"},
                                                             {U"succeed", U"succeed"}}};

constexpr std::array<Rule, 4> kPlurals{{{U"sses", U"ss"}, {U"ies", U"i"}, {U"ss", U"ss"}, {U"s", U""}}};

constexpr std::array<Rule, 21> kDoubleSuffixes{
    {{U"ational", U"ate"}, {U"tional", U"tion"}, {U"enci", U"ence"}, {U"anci", U"ance"}, {U"izer", U"ize"},
     {U"bli", U"ble"},     {U"alli", U"al"},     {U"entli", U"ent"}, {U"eli", U"e"},     {U"ousli", U"ous"},
     {U"ization", U"ize"}, {U"ation", U"ate"},   {U"ator", U"ate"},  {U"alism", U"al"},  {U"iveness", U"ive"},
     {U"fulness", U"ful"}, {U"ousness", U"ous"}, {U"aliti", U"al"},  {U"iviti", U"ive"}, {U"biliti", U"ble"},
     {U"fulli", U"ful"}}};

constexpr std::array<Rule, 7> kAdjectiveSuffixes{{{U"icate", U"ic"},
                                                  {U"ative", U""},
                                                  {U"alize", U"al"},
                                                  {U"iciti", U"ic"},
                                                  {U"ical", U"ic"},
                                                  {U"ful", U""},
                                                  {U"ness", U""}}};

constexpr std::array<Text, 19> kLastSuffixes{U"al",  U"ance",  U"ence", U"er",  U"ic",  U"able", U"ible",
                                             U"ant", U"ement", U"ment", U"ent", U"ion", U"ou",   U"ism",
                                             U"ate", U"iti",   U"ous",  U"ive", U"ize"};

bool is_vowel_letter(char32_t c) {
  return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u';
}

/// Calls see(is_vowel) for each character. "y" is a vowel after a consonant.
template <class See>
void walk(Text word, See&& see) {
  bool vowel = true;  // so that a "y" at the start is a consonant
  for (const char32_t c : word) {
    vowel = is_vowel_letter(c) || (c == 'y' && !vowel);
    see(vowel);
  }
}

/// How often a consonant follows a vowel: Porter's m.
int measure(Text word) {
  int changes = 0;
  bool last = false;
  walk(word, [&](bool vowel) {
    changes += last && !vowel;
    last = vowel;
  });
  return changes;
}

bool has_vowel(Text word) {
  bool found = false;
  walk(word, [&](bool vowel) { found = found || vowel; });
  return found;
}

/// Kinds of the last three characters, the last one first; false for those that are not there.
std::array<bool, 3> last_vowels(Text word) {
  std::array<bool, 3> vowels{};
  walk(word, [&](bool vowel) { vowels = {vowel, vowels[0], vowels[1]}; });
  return vowels;
}

bool ends_with_consonant(Text word) {
  return !word.empty() && !last_vowels(word)[0];
}

bool ends_with_double_consonant(Text word) {
  return word.size() >= 2 && word.back() == word[word.size() - 2] && ends_with_consonant(word);
}

/// Porter's "o": the word ends in a short syllable.
bool ends_in_short_syllable(Text word) {
  const auto [last, before, first] = last_vowels(word);
  if (last || !before) return false;
  if (word.size() == 2) return true;
  return word.size() > 2 && !first && word.back() != 'w' && word.back() != 'x' && word.back() != 'y';
}

Text without(Text word, Text ending) {
  return word.substr(0, word.size() - ending.size());
}

/// Replaces the first ending that fits, if what is before it measures more than `least`.
void apply_first(std::u32string& word, std::span<const Rule> rules, int least) {
  for (const Rule& rule : rules) {
    if (!word.ends_with(rule.ending)) continue;
    const Text stem = without(word, rule.ending);
    if (measure(stem) > least) word = std::u32string(stem).append(rule.replacement);
    return;
  }
}

void drop_plural(std::u32string& word) {
  if (word.size() == 4 && word.ends_with(U"ies")) {
    word.pop_back();
  } else {
    apply_first(word, kPlurals, -1);
  }
}

/// What follows the loss of "ed" or "ing".
void mend_stem(std::u32string& word) {
  if (word.ends_with(U"at") || word.ends_with(U"bl") || word.ends_with(U"iz")) {
    word += U'e';
  } else if (ends_with_double_consonant(word)) {
    if (word.back() != 'l' && word.back() != 's' && word.back() != 'z') word.pop_back();
  } else if (measure(word) == 1 && ends_in_short_syllable(word)) {
    word += U'e';
  }
}

void drop_past_and_participle(std::u32string& word) {
  if (word.ends_with(U"ied")) {
    word.resize(word.size() - (word.size() == 4 ? 1 : 2));
    return;
  }
  if (word.ends_with(U"eed")) {
    if (measure(without(word, U"eed")) > 0) word.pop_back();
    return;
  }
  for (const Text ending : {Text(U"ed"), Text(U"ing")}) {
    if (!word.ends_with(ending) || !has_vowel(without(word, ending))) continue;
    word.resize(word.size() - ending.size());
    return mend_stem(word);
  }
}

void turn_y_into_i(std::u32string& word) {
  if (!word.ends_with(U'y')) return;
  const Text stem = without(word, U"y");
  if (stem.size() > 1 && ends_with_consonant(stem)) word.back() = U'i';
}

void shorten_double_suffix(std::u32string& word) {
  if (word.ends_with(U"alli") && measure(without(word, U"alli")) > 0) word.resize(word.size() - 2);
  // "logi" comes last in the list, and its condition looks at the "l" too.
  if (word.ends_with(U"logi")) {
    if (measure(without(word, U"ogi")) > 0) word.pop_back();
  } else {
    apply_first(word, kDoubleSuffixes, 0);
  }
}

void drop_last_suffix(std::u32string& word) {
  for (const Text ending : kLastSuffixes) {
    if (!word.ends_with(ending)) continue;
    const Text stem = without(word, ending);
    const bool may_go = ending != U"ion" || stem.ends_with(U's') || stem.ends_with(U't');
    if (may_go && measure(stem) > 1) word.resize(stem.size());
    return;
  }
}

void tidy_end(std::u32string& word) {
  if (word.ends_with(U'e')) {
    const Text stem = without(word, U"e");
    const int m = measure(stem);
    if (m > 1 || (m == 1 && !ends_in_short_syllable(stem))) word.pop_back();
  }
  if (word.ends_with(U"ll") && measure(without(word, U"l")) > 1) word.pop_back();
}

}  // namespace

std::string porter_stem(std::string_view text) {
  std::u32string word = to_code_points(text);
  const auto whole = std::find_if(kWholeWords.begin(), kWholeWords.end(),
                                  [&](const auto& entry) { return entry.first == word; });
  if (whole != kWholeWords.end()) return to_utf8(whole->second);
  if (word.size() <= 2) return to_utf8(word);
  drop_plural(word);
  drop_past_and_participle(word);
  turn_y_into_i(word);
  shorten_double_suffix(word);
  apply_first(word, kAdjectiveSuffixes, 0);
  drop_last_suffix(word);
  tidy_end(word);
  return to_utf8(word);
}

}  // namespace lpmc
