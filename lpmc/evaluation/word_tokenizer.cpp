#include "lpmc/evaluation/word_tokenizer.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include <unicode/uchar.h>

#include "lpmc/evaluation/unicode_text.h"

namespace lpmc {
namespace {

using Text = std::u32string_view;

bool is_one_of(char32_t c, Text set) {
  return set.find(c) != Text::npos;
}

/// Whether `c` is the lower-case ASCII letter `letter` in any case, as Python's re.IGNORECASE has it.
bool equals_in_any_case(char32_t c, char32_t letter) {
  if (c < 0x80) return (c | (c >= 'A' && c <= 'Z' ? 0x20U : 0U)) == letter;
  if (c == 0x0131) return letter == 'i';  // dotless i
  if (c == 0x017F) return letter == 's';  // long s
  return static_cast<char32_t>(u_tolower(static_cast<UChar32>(c))) == letter;
}

bool starts_in_any_case(Text text, Text word) {
  return text.size() >= word.size() &&
         std::equal(word.begin(), word.end(), text.begin(),
                    [](char32_t w, char32_t c) { return equals_in_any_case(c, w); });
}

bool is_word_at(Text text, std::size_t i) {
  return i < text.size() && is_word_character(text[i]);
}

struct Contraction {
  Text first;
  Text second;
};

constexpr std::array<Contraction, 7> kContractions{{{U"can", U"not"},
                                                    {U"d", U"'ye"},
                                                    {U"gim", U"me"},
                                                    {U"gon", U"na"},
                                                    {U"got", U"ta"},
                                                    {U"lem", U"me"},
                                                    {U"more", U"'n"}}};

/// A sentence on its way through the tokenizer's passes. Each pass goes over it once from left to right and
/// writes it anew; what a pass wrote it does not look at again.
class Sentence {
 public:
  explicit Sentence(Text text) : text_(text) { next_.reserve(2 * text.size()); }

  std::vector<std::string> words();

 private:
  /// One pass: at each place match(i) says how many characters it consumed and wrote to next_; of 0, the
  /// character is copied.
  template <class Match>
  void pass(Match&& match) {
    next_.clear();
    for (std::size_t i = 0; i < text_.size();) {
      const std::size_t consumed = match(i);
      if (consumed == 0) next_ += text_[i];
      i += std::max<std::size_t>(consumed, 1);
    }
    text_.swap(next_);
  }

  Text rest(std::size_t i) const { return Text(text_).substr(i); }
  bool has_any(Text characters) const { return text_.find_first_of(characters) != std::u32string::npos; }
  std::size_t write(std::initializer_list<Text> parts, std::size_t consumed) {
    for (const Text part : parts)
      next_ += part;
    return consumed;
  }

  void pad_each(Text characters);
  void pad_word(Text word, Text by);
  void separate_opening_quotes();
  void separate_single_letters();
  void separate_final_period(Text closers, bool with_space_after);
  void separate_colons_and_commas();
  void separate_dots();
  void separate_closing_apostrophes();
  void separate_ending_quotes();
  void separate_clitics(std::initializer_list<Text> clitics);
  void separate_contractions();
  void separate_contraction(const Contraction& contraction);

  std::u32string text_;
  std::u32string next_;
};

void Sentence::pad_each(Text characters) {
  if (!has_any(characters)) return;
  pass([&](std::size_t i) {
    return is_one_of(text_[i], characters) ? write({U" ", rest(i).substr(0, 1), U" "}, 1) : 0;
  });
}

void Sentence::pad_word(Text word, Text by) {
  if (text_.find(word) == std::u32string::npos) return;
  pass([&](std::size_t i) { return rest(i).starts_with(word) ? write({U" ", by, U" "}, word.size()) : 0; });
}

void Sentence::separate_opening_quotes() {
  if (has_any(U"«“‘„`")) {
    pass([&](std::size_t i) -> std::size_t {
      if (!is_one_of(text_[i], U"«“‘„`")) return 0;
      std::size_t length = 1;
      if (text_[i] == '`') length = std::min(text_.find_first_not_of(U'`', i), text_.size()) - i;
      return write({U" ", rest(i).substr(0, length), U" "}, length);
    });
  }
  if (text_.starts_with(U'"')) text_.replace(0, 1, U"``");
  pad_word(U"``", U"``");
  if (!has_any(U"\"'")) return;
  pass([&](std::size_t i) -> std::size_t {
    if (!is_one_of(text_[i], U" ([{<")) return 0;
    const Text after = rest(i + 1);
    const std::size_t quote = after.starts_with(U'"') ? 1 : after.starts_with(U"''") ? 2 : 0;
    return quote == 0 ? 0 : write({rest(i).substr(0, 1), U" `` "}, 1 + quote);
  });
}

/// An apostrophe before a word of one letter that is no clitic.
void Sentence::separate_single_letters() {
  if (!has_any(U"'")) return;
  pass([&](std::size_t i) -> std::size_t {
    if (text_[i] != '\'' || !is_word_at(text_, i + 1) || is_word_at(text_, i + 2)) return 0;
    for (const char32_t clitic : {U'm', U't', U's', U'd', U'n'}) {
      if (equals_in_any_case(text_[i + 1], clitic)) return 0;
    }
    return write({U"' ", rest(i + 1).substr(0, 1)}, 2);
  });
}

/// The period of the sentence's end, which only closing marks and white space may follow.
void Sentence::separate_final_period(Text closers, bool with_space_after) {
  const std::size_t period = text_.rfind(U'.');
  if (period == std::u32string::npos || period == 0 || text_[period - 1] == '.') return;
  const std::size_t end = std::min(text_.find_first_not_of(closers, period + 1), text_.size());
  for (std::size_t i = end; i < text_.size(); ++i) {
    if (!is_white_space(text_[i])) return;
  }
  text_.resize(end);
  text_ += U' ';
  if (with_space_after) text_.insert(period + 1, 1, U' ');
  text_.insert(period, 1, U' ');
}

void Sentence::separate_colons_and_commas() {
  if (!has_any(U":,")) return;
  pass([&](std::size_t i) -> std::size_t {
    if (!is_one_of(text_[i], U":,") || i + 1 == text_.size() || is_decimal_digit(text_[i + 1])) return 0;
    return write({U" ", rest(i).substr(0, 1), U" ", rest(i + 1).substr(0, 1)}, 2);
  });
  const std::size_t last = text_.ends_with(U'\n') ? text_.size() - 1 : text_.size();
  for (const std::size_t end : {text_.size(), last}) {
    if (end == 0 || !is_one_of(text_[end - 1], U":,")) continue;
    text_.insert(end, 1, U' ');
    text_.insert(end - 1, 1, U' ');
    return;
  }
}

void Sentence::separate_dots() {
  if (text_.find(U"..") == std::u32string::npos) return;
  pass([&](std::size_t i) -> std::size_t {
    if (!rest(i).starts_with(U"..")) return 0;
    const std::size_t length = std::min(text_.find_first_not_of(U'.', i), text_.size()) - i;
    return write({U" ", rest(i).substr(0, length), U" "}, length);
  });
}

void Sentence::separate_closing_apostrophes() {
  if (!has_any(U"'")) return;
  pass([&](std::size_t i) -> std::size_t {
    if (text_[i] == '\'' || !rest(i + 1).starts_with(U"' ")) return 0;
    return write({rest(i).substr(0, 1), U" ' "}, 3);
  });
}

void Sentence::separate_ending_quotes() {
  pad_each(U"»”’");
  pad_word(U"''", U"''");
  pad_word(U"\"", U"''");
}

/// Clitics before a space, apart from the word that they end.
void Sentence::separate_clitics(std::initializer_list<Text> clitics) {
  if (!has_any(U"'")) return;
  pass([&](std::size_t i) -> std::size_t {
    if (text_[i] == '\'' || text_[i] == ' ') return 0;
    for (const Text clitic : clitics) {
      const Text after = rest(i + 1);
      if (after.starts_with(clitic) && after.substr(clitic.size()).starts_with(U' ')) {
        return write({rest(i).substr(0, 1), U" ", clitic, U" "}, clitic.size() + 2);
      }
    }
    return 0;
  });
}

void Sentence::separate_contraction(const Contraction& contraction) {
  const std::size_t length = contraction.first.size() + contraction.second.size();
  pass([&](std::size_t i) -> std::size_t {
    if (!equals_in_any_case(text_[i], contraction.first[0]) || (i > 0 && is_word_at(text_, i - 1))) return 0;
    if (!starts_in_any_case(rest(i), contraction.first) ||
        !starts_in_any_case(rest(i + contraction.first.size()), contraction.second) ||
        is_word_at(text_, i + length))
      return 0;
    return write({U" ", rest(i).substr(0, contraction.first.size()), U" ",
                  rest(i + contraction.first.size()).substr(0, contraction.second.size()), U" "},
                 length);
  });
}

void Sentence::separate_contractions() {
  for (const Contraction& contraction : kContractions)
    separate_contraction(contraction);
  pass([&](std::size_t i) -> std::size_t {  // "wanna", which only white space ends
    if ((i > 0 && is_word_at(text_, i - 1)) || !starts_in_any_case(rest(i), U"wanna")) return 0;
    if (i + 5 >= text_.size() || !is_white_space(text_[i + 5])) return 0;
    return write({U" ", rest(i).substr(0, 3), U" ", rest(i + 3).substr(0, 2), U" "}, 5);
  });
  for (const Text verb : {Text(U"is"), Text(U"was")}) {
    pass([&](std::size_t i) -> std::size_t {
      if (text_[i] != ' ' || !starts_in_any_case(rest(i + 1), U"'t")) return 0;
      if (!starts_in_any_case(rest(i + 3), verb) || is_word_at(text_, i + 3 + verb.size())) return 0;
      return write({U" ", rest(i + 1).substr(0, 2), U" ", rest(i + 3).substr(0, verb.size()), U" "},
                   3 + verb.size());
    });
  }
}

std::vector<std::string> Sentence::words() {
  separate_opening_quotes();
  separate_single_letters();
  separate_final_period(U"])}>\"' »”’", true);
  separate_colons_and_commas();
  separate_dots();
  pad_each(U";@#$%&");
  separate_final_period(U"])}>\"'", false);
  pad_each(U"?!");
  separate_closing_apostrophes();
  pad_each(U"*");
  pad_each(U"[](){}<>");
  pad_word(U"--", U"--");
  text_.insert(0, 1, U' ');
  text_ += U' ';
  separate_ending_quotes();
  separate_clitics({U"'s", U"'S", U"'m", U"'M", U"'d", U"'D", U"'"});
  separate_clitics({U"'ll", U"'LL", U"'re", U"'RE", U"'ve", U"'VE", U"n't", U"N'T"});
  separate_contractions();
  const std::string utf8 = to_utf8(text_);
  const std::vector<std::string_view> pieces = split_white_space(utf8);
  return {pieces.begin(), pieces.end()};
}

}  // namespace

std::vector<std::string> tokenize_nltk(std::string_view text, const Abbreviations& abbreviations) {
  const std::u32string code_points = to_code_points(text);
  std::vector<std::string> tokens;
  for (const std::u32string_view sentence : split_sentences(code_points, abbreviations)) {
    std::vector<std::string> words = Sentence(sentence).words();
    std::move(words.begin(), words.end(), std::back_inserter(tokens));
  }
  return tokens;
}

std::vector<std::string> tokenize_light(std::string_view text, const Abbreviations& abbreviations) {
  static const std::unordered_set<std::string_view> punctuation{
      "''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";", "(", ")", "{", "}", "[", "]"};
  std::vector<std::string> tokens;
  for (const std::string& token : tokenize_nltk(text, abbreviations)) {
    if (!punctuation.contains(token)) tokens.push_back(to_lower_case(token));
  }
  return tokens;
}

}  // namespace lpmc
