#include "lpmc/evaluation/sentence_splitter.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <optional>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/evaluation/unicode_text.h"

namespace lpmc {
namespace {

using Text = std::u32string_view;

bool is_end_mark(char32_t c) {
  return c == '.' || c == '?' || c == '!';
}

/// Characters that are no part of a word even without white space between.
bool is_non_word(char32_t c) {
  return Text(U")\";}]*:@'({[!?").find(c) != Text::npos;
}

/// Characters that no token begins with but themselves.
bool stands_alone(char32_t c) {
  return Text(U"(\"`{[:;&#*@)}]-,").find(c) != Text::npos;
}

std::size_t skip_white_space(Text text, std::size_t i) {
  while (i < text.size() && is_white_space(text[i]))
    ++i;
  return i;
}

/// Length of the punctuation of several characters at `i`: dashes, dots, dots with white space between; or 0.
std::size_t long_punctuation(Text text, std::size_t i) {
  if (i >= text.size() || (text[i] != '-' && text[i] != '.')) return 0;
  const std::size_t end = std::min(text.find_first_not_of(text[i], i), text.size());
  if (end - i >= 2) return end - i;
  if (text[i] == '-') return 0;
  std::size_t last = i;  // a dot
  while (last + 2 < text.size() && is_white_space(text[last + 1]) && text[last + 2] == '.')
    last += 2;
  return last - i >= 4 ? last + 1 - i : 0;
}

/// Whether a word may end before `i`, a comma there left aside.
bool word_ends(Text text, std::size_t i) {
  return i == text.size() || is_white_space(text[i]) || is_non_word(text[i]) || long_punctuation(text, i) > 0;
}

/// Punkt's own tokens of a line, in which it looks for periods that end a sentence.
void add_tokens(Text line, std::vector<Text>& tokens) {
  for (std::size_t i = skip_white_space(line, 0); i < line.size(); i = skip_white_space(line, i)) {
    std::size_t length = long_punctuation(line, i);
    if (length == 0) {
      length = 1;
      if (!stands_alone(line[i])) {
        while (!word_ends(line, i + length) && !(line[i + length] == ',' && word_ends(line, i + length + 1)))
          ++length;
      }
    }
    tokens.push_back(line.substr(i, length));
    i += length;
  }
}

std::vector<Text> punkt_tokens(Text context) {
  std::vector<Text> tokens;
  for (;;) {
    const std::size_t end = context.find('\n');
    add_tokens(context.substr(0, end), tokens);
    if (end == Text::npos) return tokens;
    context.remove_prefix(end + 1);
  }
}

/// A letter or "_" and a period: the "J." of a name.
bool is_initial(Text token) {
  return token.size() == 2 && is_word_character(token[0]) && !is_decimal_digit(token[0]) && token[1] == '.';
}

/// "3.", "-.5", "1,000-2,000.": what may be an ordinal.
bool is_number(Text token) {
  if (token.starts_with(U'-')) token.remove_prefix(1);
  if (token.starts_with(U'.') || token.starts_with(U',')) token.remove_prefix(1);
  return !token.empty() && is_decimal_digit(token[0]) &&
         std::all_of(token.begin(), token.end(),
                     [](char32_t c) { return is_decimal_digit(c) || c == ',' || c == '.' || c == '-'; });
}

bool is_abbreviation(Text token, const Abbreviations& abbreviations) {
  if (abbreviations.size() == 0) return false;
  token.remove_suffix(1);
  const std::u32string word = to_code_points(to_lower_case(to_utf8(token)));
  return abbreviations.contains(word) || abbreviations.contains(Text(word).substr(word.rfind('-') + 1));
}

bool may_end_sentence(Text token, const Abbreviations& abbreviations) {
  if (token.size() == 1 && is_end_mark(token[0])) return true;
  return token.ends_with(U'.') && !token.ends_with(U"..") && !is_abbreviation(token, abbreviations);
}

/// Whether a sentence ends between two tokens.
bool breaks_between(Text token, Text next, const Abbreviations& abbreviations) {
  if (!may_end_sentence(token, abbreviations)) return false;
  const bool initial = is_initial(token);
  if (!initial && !(token.ends_with(U'.') && is_number(token))) return true;
  const bool punctuation = next.size() == 1 && Text(U";:,.!?").find(next[0]) != Text::npos;
  if (punctuation || is_lower_case(next[0])) return false;
  return !(initial && is_upper_case(next[0]));
}

bool has_break(Text context, const Abbreviations& abbreviations) {
  const std::vector<Text> tokens = punkt_tokens(context);
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (breaks_between(tokens[i], tokens[i + 1], abbreviations)) return true;
  }
  return false;
}

/// A place where a sentence may end.
struct Candidate {
  std::size_t mark;         // of the period, question or exclamation mark
  std::size_t word;         // where the word before the mark starts
  std::size_t context_end;  // what lies between is looked at
  std::size_t next;         // where the next sentence would start
};

std::optional<Candidate> candidate_at(Text text, std::size_t mark) {
  const std::size_t after = mark + 1;
  if (after == text.size()) return std::nullopt;
  if (is_non_word(text[after])) return Candidate{mark, 0, after + 1, after};
  const std::size_t next = skip_white_space(text, after);
  if (next == after || next == text.size()) return std::nullopt;
  std::size_t end = next;
  while (end < text.size() && !is_white_space(text[end]))
    ++end;
  return Candidate{mark, 0, end, next};
}

/// Start of the word before a mark, as Punkt finds it: after the last white space since the candidate
/// before; or, where there is none or only at the very start, where that one's word started.
std::size_t word_before(Text text, std::size_t mark, const Candidate& last) {
  const std::size_t space = text.substr(last.mark, mark - last.mark).find_last_of(U" \t\n\r\v\f");
  return space == Text::npos || space == 0 ? last.word : last.mark + space + 1;
}

/// The candidates that are looked at: of several marks in one word only the last.
std::vector<Candidate> find_candidates(Text text) {
  std::vector<Candidate> kept;
  Candidate last{0, 0, 0, 0};
  bool has_last = false;
  for (std::size_t i = text.find_first_of(U".?!"); i != Text::npos; i = text.find_first_of(U".?!", i + 1)) {
    std::optional<Candidate> candidate = candidate_at(text, i);
    if (!candidate) continue;
    candidate->word = word_before(text, i, last);
    if (has_last && last.mark <= candidate->word) kept.push_back(last);
    last = *candidate;
    has_last = true;
  }
  if (has_last) kept.push_back(last);
  return kept;
}

struct Slice {
  std::size_t begin;
  std::size_t end;
};

std::vector<Slice> cut(Text text, const Abbreviations& abbreviations) {
  std::vector<Slice> slices;
  std::size_t begin = 0;
  for (const Candidate& candidate : find_candidates(text)) {
    if (!has_break(text.substr(candidate.word, candidate.context_end - candidate.word), abbreviations))
      continue;
    slices.push_back({begin, candidate.mark + 1});
    begin = candidate.next;
  }
  std::size_t end = text.size();
  while (end > 0 && is_white_space(text[end - 1]))
    --end;
  slices.push_back({begin, std::max(begin, end)});
  return slices;
}

struct Closers {
  std::size_t characters = 0;  // closing quotes and brackets at the start of a sentence
  std::size_t with_space = 0;  // and the white space after them
};

/// Closing marks that belong to the sentence before: as few as are followed by white space, "--" or the
/// end of a line.
Closers closers_at_start(Text sentence) {
  for (std::size_t i = 0; i < sentence.size() && Text(U"\"')]}").find(sentence[i]) != Text::npos;) {
    ++i;
    const std::size_t after = skip_white_space(sentence, i);
    if (after > i || i == sentence.size() || sentence.substr(i).starts_with(U"--")) return {i, after};
  }
  return {};
}

}  // namespace

Abbreviations::Abbreviations(const std::vector<std::string>& words) {
  for (const std::string& word : words)
    add(word);
}

void Abbreviations::add(std::string_view word) {
  if (word.ends_with('.')) word.remove_suffix(1);
  words_.insert(to_code_points(to_lower_case(word)));
}

bool Abbreviations::contains(std::u32string_view word) const {
  return words_.find(std::u32string(word)) != words_.end();
}

Abbreviations Abbreviations::read(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) fail_errno(display_path(file), errno);
  Abbreviations abbreviations;
  std::string line;
  for (std::size_t number = 1; std::getline(stream, line); ++number) {
    LPMC_REQUIRE(is_valid_utf8(line), corrupt, "{}:{}: expected UTF-8, found other bytes", display_path(file),
                 number);
    const std::vector<std::string_view> words = split_white_space(line);
    if (words.empty() || words[0].starts_with('#')) continue;
    LPMC_REQUIRE(words.size() == 1, corrupt, "{}:{}: expected one abbreviation a line, found {} words",
                 display_path(file), number, words.size());
    abbreviations.add(words[0]);
  }
  LPMC_REQUIRE(!stream.bad(), io, "{}: reading failed", display_path(file));
  return abbreviations;
}

std::vector<std::u32string_view> split_sentences(std::u32string_view text,
                                                 const Abbreviations& abbreviations) {
  const std::vector<Slice> slices = cut(text, abbreviations);
  std::vector<Text> sentences;
  std::size_t moved = 0;  // from the start of this slice into the sentence before
  for (std::size_t i = 0; i < slices.size(); ++i) {
    const std::size_t begin = slices[i].begin + moved;
    Closers closers;
    if (i + 1 < slices.size()) {
      const Slice& next = slices[i + 1];
      closers = closers_at_start(text.substr(next.begin, next.end - next.begin));
    }
    moved = closers.with_space;
    const std::size_t end = closers.characters > 0 ? slices[i + 1].begin + closers.characters : slices[i].end;
    if (begin < end) sentences.push_back(text.substr(begin, end - begin));
  }
  return sentences;
}

std::vector<std::string> split_sentences(std::string_view text, const Abbreviations& abbreviations) {
  const std::u32string code_points = to_code_points(text);
  std::vector<std::string> sentences;
  for (const std::u32string_view sentence : split_sentences(code_points, abbreviations))
    sentences.push_back(to_utf8(sentence));
  return sentences;
}

}  // namespace lpmc
