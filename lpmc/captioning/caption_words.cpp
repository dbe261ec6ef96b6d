#include "lpmc/captioning/caption_words.h"

#include <algorithm>

namespace lpmc::detail {
namespace {

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front()))
    text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back()))
    text.remove_suffix(1);
  return text;
}

}  // namespace

std::uint32_t Vocabulary::id(std::string_view word) {
  return ids_.try_emplace(std::string(word), static_cast<std::uint32_t>(ids_.size())).first->second;
}

std::vector<std::uint32_t> Vocabulary::words(std::string_view text) {
  std::vector<std::uint32_t> ids;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) ids.push_back(id(word));
    word.clear();
  };
  for (const char c : text) {
    if (is_word_byte(c)) {
      word += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (c != '\'') {
      end_word();
    }
  }
  end_word();
  return ids;
}

std::vector<std::uint64_t> ngram_keys(const std::vector<std::uint32_t>& words) {
  // 28 bits for each word and 8 for the occurrence; a caption has some hundred words at most, and a
  // file not 2^28 different ones. What does not fit only blurs a similarity.
  constexpr std::uint64_t kWordMask = (1U << 28U) - 1;
  std::vector<std::uint64_t> keys;
  keys.reserve(2 * words.size());
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::uint64_t second = (words[i] + std::uint64_t{1}) & kWordMask;
    keys.push_back(second << 8U);
    if (i > 0) keys.push_back(((words[i - 1] + std::uint64_t{1}) & kWordMask) << 36U | second << 8U);
  }
  std::sort(keys.begin(), keys.end());
  std::uint64_t previous = 0, occurrence = 0;
  for (std::uint64_t& key : keys) {
    occurrence = key == previous ? std::min<std::uint64_t>(occurrence + 1, 255) : 0;
    previous = key;
    key += occurrence;
  }
  return keys;
}

double f1_similarity(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b) {
  if (a.empty() && b.empty()) return 0;
  std::size_t both = 0;
  for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
    if (*i == *j) ++both;
    const bool step_i = *i <= *j, step_j = *j <= *i;
    if (step_i) ++i;
    if (step_j) ++j;
  }
  return 2.0 * static_cast<double>(both) / static_cast<double>(a.size() + b.size());
}

std::vector<std::string_view> split_sentences(std::string_view text) {
  std::vector<std::string_view> sentences;
  const auto add = [&](std::string_view sentence) {
    sentence = trimmed(sentence);
    if (!sentence.empty()) sentences.push_back(sentence);
  };
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool stop = text[i] == '.' || text[i] == '!' || text[i] == '?';
    const bool ends = text[i] == '\n' || (stop && i + 1 < text.size() && is_blank(text[i + 1]));
    if (!ends) continue;
    add(text.substr(begin, i + 1 - begin));
    begin = i + 1;
  }
  add(text.substr(begin));
  return sentences;
}

}  // namespace lpmc::detail
