// What language models put round an answer: reasoning, fences, labels, quotes, end-of-text marks.

#include "lpmc/tag_to_caption/answer_wrappers.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>

#include "lpmc/tag_to_caption/answer.h"

namespace lpmc {
namespace {

constexpr int kMaxRounds = 6;          // wrappers within wrappers
constexpr std::size_t kMaxLead = 200;  // of a "Sure, here is ...:" line

struct Pair {
  std::string_view open, close;
};

constexpr std::array<Pair, 9> kReasoning{
    {{"<think>", "</think>"},
     {"<thinking>", "</thinking>"},
     {"<thought>", "</thought>"},
     {"<reasoning>", "</reasoning>"},
     {"<reflection>", "</reflection>"},
     {"<seed:think>", "</seed:think>"},
     {"[THINK]", "[/THINK]"},
     {"<|channel|>analysis<|message|>", "<|end|>"},
     {"\xE2\x97\x81think\xE2\x96\xB7", "\xE2\x97\x81/think\xE2\x96\xB7"}}};

constexpr std::array<std::string_view, 12> kMarks{"<|im_end|>",
                                                  "<|endoftext|>",
                                                  "<|eot_id|>",
                                                  "<end_of_turn>",
                                                  "</s>",
                                                  "<|end|>",
                                                  "<|return|>",
                                                  "<|start|>assistant",
                                                  "<|channel|>final<|message|>",
                                                  "<s>",
                                                  "<|im_start|>assistant",
                                                  "<answer>"};

constexpr std::array<std::string_view, 13> kOpeners{
    "sure",   "certainly", "of course",         "absolutely", "okay", "ok",      "here is",
    "here's", "here are",  "here\xE2\x80\x99s", "great",      "yes",  "below is"};

/// A lead that holds one of these speaks of the answer, not of the music.
constexpr std::array<std::string_view, 13> kAnswerWords{
    "description", "caption", "sentence", "summary",   "answer",  "dictionary", "response",
    "paraphrase",  "version", "result",   "rewritten", "example", "output"};

constexpr std::array<std::string_view, 15> kLabels{"song description sentence",
                                                   "song description",
                                                   "description",
                                                   "caption",
                                                   "answer",
                                                   "output",
                                                   "summary",
                                                   "sentence",
                                                   "response",
                                                   "paraphrase",
                                                   "title",
                                                   "song title",
                                                   "final answer",
                                                   "result",
                                                   "song summary"};

constexpr std::array<std::string_view, 8> kClosers{"let me know", "i hope",       "hope this",
                                                   "feel free",   "is there any", "would you like",
                                                   "please let",  "if you "};

bool is_space(char c) {
  return static_cast<unsigned char>(c) <= 0x20;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_space(text.back()))
    text.remove_suffix(1);
  return text;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool is_word_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

/// One kind of reasoning; linear in the text, whatever its marks.
std::string without(const Pair& pair, const std::string& text) {
  std::string out;
  std::size_t at = 0, open = text.find(pair.open), close = text.find(pair.close);
  const bool close_is_common = pair.close == "<|end|>";  // also ends other things
  for (;;) {
    if (open != std::string::npos && open < at) open = text.find(pair.open, at);
    if (close != std::string::npos && close < at) close = text.find(pair.close, at);
    if (!close_is_common && close < open) {
      out.clear();
      at = close + pair.close.size();
      continue;
    }
    if (open == std::string::npos) break;
    out.append(text, at, open - at);
    at = open + pair.open.size();
    if (close != std::string::npos && close < at) close = text.find(pair.close, at);
    at = close == std::string::npos ? text.size() : close + pair.close.size();
  }
  return out.append(text, at);
}

/// Chat templates' marks at both ends.
bool strip_marks(std::string_view& text) {
  for (const std::string_view mark : kMarks) {
    if (text.starts_with(mark)) {
      text = trim(text.substr(mark.size()));
      return true;
    }
    if (text.ends_with(mark)) {
      text = trim(text.substr(0, text.size() - mark.size()));
      return true;
    }
  }
  if (text.ends_with("</answer>")) {
    text = trim(text.substr(0, text.size() - 9));
    return true;
  }
  return false;
}

/// The inside of the first fence that holds something.
bool strip_fence(std::string_view& text) {
  std::size_t at = text.find("```");
  while (at != std::string_view::npos) {
    std::size_t begin = at + 3;
    const std::size_t close = std::min(text.find("```", begin), text.size());
    const std::size_t line_end = std::min(text.find('\n', begin), close);
    // A language's name, alone on the fence's line.
    if (line_end < close && std::all_of(text.begin() + static_cast<std::ptrdiff_t>(begin),
                                        text.begin() + static_cast<std::ptrdiff_t>(line_end),
                                        [](char c) { return is_word_char(c) || is_space(c); })) {
      begin = line_end;
    }
    const std::string_view inside = trim(text.substr(begin, close - begin));
    if (!inside.empty()) {
      text = inside;
      return true;
    }
    if (close >= text.size()) break;
    at = text.find("```", close + 3);
  }
  return false;
}

bool opens_with(std::string_view lower, std::string_view word) {
  return lower.starts_with(word) && (lower.size() == word.size() || !is_word_char(lower[word.size()]));
}

/// How much of the beginning is a label: "**Song Description:**", "Caption -". 0 = nothing.
std::size_t label_length(std::string_view text, std::string_view lower) {
  std::size_t at = 0;
  const auto skip = [&](std::string_view chars) {
    while (at < text.size() && chars.find(text[at]) != std::string_view::npos)
      ++at;
  };
  skip("*_# ");
  for (const std::string_view label : kLabels) {
    if (!lower.substr(at).starts_with(label)) continue;
    std::size_t end = at + label.size();
    while (end < text.size() && (text[end] == '*' || text[end] == '_'))
      ++end;
    if (end >= text.size() || text[end] != ':') continue;
    at = end + 1;
    skip("*_ ");
    return at;
  }
  return 0;
}

/// "Sure!" alone; with a comma it may belong to the sentence. 0 = nothing.
std::size_t interjection_length(std::string_view lower) {
  for (const std::string_view word : kOpeners) {
    if (!lower.starts_with(word)) continue;
    const std::string_view rest = lower.substr(word.size());
    const bool ends =
        rest.size() > 1 && (rest[0] == '!' || (rest[0] == '.' && is_space(rest[1])) || rest[0] == '\n');
    if (ends) return word.size() + 1;
  }
  return 0;
}

/// "Sure, here is a song description:", "Sure!", a label, a heading: off where something follows.
bool strip_lead(std::string_view& text) {
  const std::string lower = lower_case(text.substr(0, kMaxLead));
  std::size_t length = label_length(text.substr(0, kMaxLead), lower);
  const bool opener = std::any_of(kOpeners.begin(), kOpeners.end(),
                                  [&](std::string_view word) { return opens_with(lower, word); });
  if (length == 0 && opener) {
    const std::size_t colon = lower.find(':');
    const std::size_t line_end = std::min(lower.find('\n'), lower.size());
    if (colon < line_end) {
      const std::string_view lead = std::string_view(lower).substr(0, colon);
      const bool ends_line = trim(text.substr(colon + 1, line_end - colon - 1)).empty();
      const bool of_answer =
          std::any_of(kAnswerWords.begin(), kAnswerWords.end(),
                      [&](std::string_view word) { return lead.find(word) != std::string_view::npos; });
      if (ends_line || of_answer) length = colon + 1;
    }
    if (length == 0) length = interjection_length(lower);
  }
  if (length == 0 && text.starts_with('#')) length = std::min(text.find('\n'), text.size());
  const std::string_view rest = trim(text.substr(std::min(length, text.size())));
  if (length == 0 || rest.empty()) return false;
  text = rest;
  return true;
}

/// A last paragraph that speaks to the user.
bool strip_closing(std::string_view& text) {
  const std::size_t at = text.rfind("\n\n");
  if (at == std::string_view::npos) return false;
  const std::string lower = lower_case(trim(text.substr(at)).substr(0, 32));
  const bool closer = std::any_of(kClosers.begin(), kClosers.end(),
                                  [&](std::string_view words) { return lower.starts_with(words); });
  const std::string_view rest = trim(text.substr(0, at));
  if (!closer || rest.empty()) return false;
  text = rest;
  return true;
}

/// True when quotes at both ends of `text` belong together: of `"A" and "B"` they do not.
bool encloses(std::string_view inside, std::string_view close) {
  for (std::size_t at = inside.find(close); at != std::string_view::npos;
       at = inside.find(close, at + close.size())) {
    const bool space_before = at == 0 || is_space(inside[at - 1]) || inside[at - 1] == '(';
    const std::size_t after = at + close.size();
    const bool letter_after = after < inside.size() && is_word_char(inside[after]);
    const bool escaped = at > 0 && inside[at - 1] == '\\';
    const bool apostrophe = close == "'" || close == "\xE2\x80\x99";
    if (apostrophe && letter_after && !space_before) continue;  // it's
    if (escaped) continue;
    return space_before && letter_after;  // the first inner one opens: nested
  }
  return true;
}

bool strip_quotes(std::string_view& text) {
  static constexpr std::array<Pair, 8> kPairs{{{"**", "**"},
                                               {"\"", "\""},
                                               {"'", "'"},
                                               {"`", "`"},
                                               {"\xE2\x80\x9C", "\xE2\x80\x9D"},
                                               {"\xE2\x80\x98", "\xE2\x80\x99"},
                                               {"\xC2\xAB", "\xC2\xBB"},
                                               {"*", "*"}}};
  for (const Pair& pair : kPairs) {
    if (text.size() <= pair.open.size() + pair.close.size() || !text.starts_with(pair.open) ||
        !text.ends_with(pair.close)) {
      continue;
    }
    const std::string_view inside =
        text.substr(pair.open.size(), text.size() - pair.open.size() - pair.close.size());
    if (!encloses(inside, pair.close) || trim(inside).empty()) continue;
    text = trim(inside);
    return true;
  }
  return false;
}

}  // namespace

std::string without_reasoning(std::string_view text) {
  std::string out(text);
  for (const Pair& pair : kReasoning)
    if (out.find(pair.open) != std::string::npos || out.find(pair.close) != std::string::npos)
      out = without(pair, out);
  return out;
}

std::string strip_wrappers(std::string_view text) {
  const std::string spoken = without_reasoning(text);
  std::string_view left = trim(spoken);
  for (int round = 0; round < kMaxRounds; ++round) {
    bool changed = strip_marks(left);
    changed = strip_fence(left) || changed;
    changed = strip_closing(left) || changed;
    changed = strip_lead(left) || changed;
    changed = strip_quotes(left) || changed;
    if (!changed) break;
  }
  return std::string(left);
}

}  // namespace lpmc
