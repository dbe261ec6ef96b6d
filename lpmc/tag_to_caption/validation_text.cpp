#include "lpmc/tag_to_caption/validation_text.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <unordered_set>
#include <vector>

namespace lpmc {
namespace {

using WordSet = std::unordered_set<std::string_view>;

/// Lower case, typographic apostrophes plain, runs of white space one space.
std::string plain(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (text.substr(i).starts_with("\xE2\x80\x99")) {
      result += '\'';
      i += 2;
    } else if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
      if (!result.empty() && result.back() != ' ') result += ' ';
    } else {
      result += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }
  }
  return result;
}

template <std::size_t N>
bool starts_with_any(std::string_view text, const std::array<std::string_view, N>& starts) {
  return std::any_of(starts.begin(), starts.end(),
                     [&](std::string_view start) { return text.starts_with(start); });
}

template <std::size_t N>
bool contains_any(std::string_view text, const std::array<std::string_view, N>& parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return text.find(part) != std::string_view::npos; });
}

/// "Song description:", "Title:" and such at the start.
bool starts_with_label(std::string_view text) {
  static const WordSet labels = {
      "title",  "song title",    "song description",  "description", "caption",    "answer",
      "output", "summary",       "song summary",      "response",    "sentence",   "writing",
      "song",   "new caption",   "music description", "result",      "paraphrase", "assistant",
      "user",   "new_attribute", "attributes",        "tags"};
  const std::size_t colon = text.find(':');
  return colon != std::string_view::npos && colon < 24 && labels.contains(text.substr(0, colon));
}

/// "Here is a song description sentence:", "Here's one:"; not "Here is a guitar playing".
bool announces(std::string_view text) {
  static constexpr std::array<std::string_view, 5> kStarts = {"here is ", "here's ", "here are ",
                                                              "this is a song description", "below is "};
  if (!starts_with_any(text, kStarts)) return false;
  const std::size_t colon = text.find(':');
  static constexpr std::array<std::string_view, 8> kNouns = {
      "description", "sentence", "caption", "summary", "example", "dictionary", "answer", "paraphrase"};
  return contains_any(text.substr(0, std::min<std::size_t>(colon, 90)), kNouns);
}

}  // namespace

bool is_refusal(std::string_view caption) {
  static constexpr std::array<std::string_view, 14> kStarts = {
      "i'm sorry, but", "i am sorry, but", "sorry, but i",      "i'm sorry, i", "i am sorry, i",
      "i apologize",    "i cannot ",       "i can't ",          "i'm unable",   "i am unable",
      "i'm not able",   "i am not able",   "unfortunately, i ", "sorry, i "};
  static constexpr std::array<std::string_view, 15> kAnywhere = {
      " as an ai ",       " as an ai,",         "language model",     "i cannot fulfill",
      "i cannot provide", "i can't provide",    "i cannot generate",  "i can't generate",
      "i cannot write",   "i can't write",      "i cannot create",    "i cannot assist",
      "i can't assist",   "please provide the", "please provide more"};
  const std::string text = plain(caption);
  if (starts_with_any(text, kStarts)) return true;
  // "has an air of" is no "as an AI".
  return contains_any(" " + text + " ", kAnywhere);
}

bool has_boilerplate(std::string_view caption) {
  static constexpr std::array<std::string_view, 10> kStarts = {
      "sure,",      "sure!",       "sure.",      "certainly", "of course,",
      "of course!", "absolutely!", "okay, here", "ok, here",  "based on the"};
  static constexpr std::array<std::string_view, 24> kAnywhere = {"**",
                                                                 "```",
                                                                 "\n#",
                                                                 "<|",
                                                                 "[inst]",
                                                                 "[/inst]",
                                                                 "### ",
                                                                 "</s>",
                                                                 "let me know",
                                                                 "i hope this",
                                                                 "feel free to",
                                                                 "\n- ",
                                                                 "\n* ",
                                                                 "\n1.",
                                                                 "[insert",
                                                                 "[artist",
                                                                 "[song",
                                                                 "<think",
                                                                 "the attributes you",
                                                                 "given attributes",
                                                                 "provided attributes",
                                                                 "the following attributes",
                                                                 "{\"",
                                                                 "{'"};
  std::string lower(caption);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (contains_any(lower, kAnywhere) || lower.starts_with("#") || lower.starts_with("- ")) return true;
  const std::string text = plain(caption);
  return starts_with_any(text, kStarts) || starts_with_label(text) || announces(text);
}

bool echoes_prompt(std::span<const Word> caption, std::string_view query, std::span<const std::string> tags) {
  constexpr std::size_t kStretch = 5;
  std::string instruction(query);
  for (const std::string& tag : tags) {
    const std::size_t at = tag.empty() ? std::string::npos : instruction.rfind(tag);
    if (at != std::string::npos) instruction.replace(at, tag.size(), "\n.\n");
  }
  const std::vector<Word> words = read_words(instruction, {});
  if (words.size() < kStretch || caption.size() < kStretch) return false;
  const auto same = [](const Word& a, const Word& b) { return a.text == b.text; };
  for (std::size_t i = 0; i + kStretch <= words.size(); ++i) {
    const auto stretch = words.begin() + static_cast<long>(i);
    const auto end = stretch + static_cast<long>(kStretch);
    if ((end - 1)->sentence != stretch->sentence) continue;
    if (std::search(caption.begin(), caption.end(), stretch, end, same) != caption.end()) return true;
  }
  return false;
}

bool is_foreign(std::string_view caption, std::span<const Word> words) {
  static const WordSet english = {"the",   "a",     "an",    "and",      "is",   "are",     "with",  "of",
                                  "in",    "to",    "this",  "that",     "it",   "for",     "on",    "as",
                                  "by",    "has",   "from",  "at",       "be",   "its",     "music", "song",
                                  "which", "while", "there", "features", "over", "playing", "your",  "you"};
  static const WordSet foreign = {
      "el",   "la",     "los", "las",  "una",  "que",  "con",  "es",  "del",   "por",  "para",  "der",
      "die",  "das",    "und", "ist",  "ein",  "eine", "mit",  "von", "den",   "le",   "les",   "des",
      "et",   "est",    "une", "avec", "dans", "du",   "pour", "il",  "che",   "di",   "della", "uma",
      "com",  "um",     "um",  "het",  "een",  "van",  "en",   "de",  "och",   "att",  "som",   "dan",
      "yang", "dengan", "ini", "nie",  "jest", "si",   "un",   "no",  "sobre", "como", "su"};
  std::size_t letters = 0, others = 0;  // characters; those of other scripts than Latin
  for (std::size_t i = 0; i < caption.size(); ++i) {
    const auto byte = static_cast<unsigned char>(caption[i]);
    if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= 0xC3 && byte <= 0xCA))
      ++letters;
    // Greek (U+0370) and all after; U+2000 to U+2BFF are signs, U+1F000 and on pictures.
    if (byte >= 0xCD && byte <= 0xEF && byte != 0xE2) ++others;
  }
  if (others > 3 && others * 4 > letters + others) return true;
  std::size_t ours = 0, theirs = 0;
  for (const Word& word : words) {
    ours += english.contains(word.text) ? 1 : 0;
    theirs += foreign.contains(word.text) ? 1 : 0;
  }
  return words.size() >= 5 && theirs >= 2 && theirs > 2 * ours;
}

bool is_cut_off(std::string_view caption, std::string_view finish_reason, std::span<const Word> words) {
  if (finish_reason == "length" || finish_reason == "content_filter") return true;
  static const WordSet unfinished = {"and",   "or",    "the",  "a",     "an",       "of",   "with", "to",
                                     "by",    "for",   "from", "that",  "as",       "is",   "are",  "its",
                                     "their", "while", "but",  "which", "creating", "into", "at"};
  const std::size_t last = caption.find_last_not_of(" \t\r\n");
  if (last == std::string_view::npos || words.empty()) return false;
  const char end = caption[last];
  if (end == ',' || end == '-' || end == ':' || end == '(') return true;
  const bool letter = (end >= 'a' && end <= 'z') || (end >= 'A' && end <= 'Z');
  return letter && unfinished.contains(words.back().text);
}

}  // namespace lpmc
