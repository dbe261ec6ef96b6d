#include "lpmc/evaluation/bleu_tokenizer.h"

#include <algorithm>

#include "lpmc/base/utf8.h"
#include "lpmc/evaluation/unicode_text.h"

namespace lpmc {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_mark(char c) {
  return c == '.' || c == ',';
}

/// Punctuation that stands alone everywhere: all of ASCII's but ' , - and the period.
bool is_separate(char c) {
  return (c >= ' ' && c <= '&') || (c >= '(' && c <= '+') || c == '/' || (c >= ':' && c <= '@') ||
         (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

/// `text` with every `what`, found left to right, replaced.
std::string replaced(std::string_view text, std::string_view what, std::string_view by) {
  std::string out;
  out.reserve(text.size() + 2);
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what)) {
    out += text.substr(0, at);
    out += by;
    text.remove_prefix(at + what.size());
  }
  return out += text;
}

std::string separate_punctuation(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  for (const char c : text) {
    if (is_separate(c)) {
      out += {' ', c, ' '};
    } else {
      out += c;
    }
  }
  return out;
}

/// A period or comma after what is no digit. Bytes stand for characters: those of a longer character are
/// no digits, and only its last one comes before a mark.
std::string separate_marks_after_words(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  for (std::size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    if (!is_digit(text[i]) && i + 1 < text.size() && is_mark(text[i + 1])) out += {' ', text[++i], ' '};
  }
  return out;
}

std::string separate_marks_before_words(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_mark(text[i]) && i + 1 < text.size() && !is_digit(text[i + 1])) {
      out += {' ', text[i], ' ', text[i + 1]};
      ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string separate_hyphens_after_digits(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    if (is_digit(text[i]) && i + 1 < text.size() && text[i + 1] == '-') out += {' ', text[++i], ' '};
  }
  return out;
}

}  // namespace

std::vector<std::string> tokenize_13a(std::string_view text) {
  std::string line = replaced(replaced(replace_invalid_utf8(text), "<skipped>", ""), "-\n", "");
  std::replace(line.begin(), line.end(), '\n', ' ');
  if (line.find('&') != std::string::npos) {
    line = replaced(replaced(line, "&quot;", "\""), "&amp;", "&");
    line = replaced(replaced(line, "&lt;", "<"), "&gt;", ">");
  }
  line = separate_punctuation(" " + line + " ");
  line = separate_marks_after_words(line);
  line = separate_marks_before_words(line);
  line = separate_hyphens_after_digits(line);
  const std::vector<std::string_view> pieces = split_white_space(line);
  return {pieces.begin(), pieces.end()};
}

}  // namespace lpmc
