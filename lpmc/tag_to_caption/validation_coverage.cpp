#include "lpmc/tag_to_caption/validation_coverage.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <utility>

namespace lpmc {
namespace {

constexpr int kNear = 8;  // words between two words of one tag, for each that it has beyond the first: as
                          // "a male singer with a deep, breathy, emotional voice" has them
constexpr std::size_t kMaxWords = 16;  // of an overlong tag the first words decide

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Beats per minute that a tag states ("bpm 120", "120 bpm"), 0 when it states none.
int stated_bpm(std::span<const Word> content) {
  const auto bpm = [](const Word& word) { return word.text == "bpm"; };
  if (std::none_of(content.begin(), content.end(), bpm)) return 0;
  for (const Word& word : content) {
    if (is_number(word.text) && word.text.size() <= 3) return std::atoi(word.text.c_str());
  }
  return 0;
}

/// The tempo words that fit; the ranges overlap, as people's use of them does.
bool fits_bpm(const Word& word, int bpm) {
  if (word.negated) return false;
  return (has(word.groups, Group::fast) && bpm >= 108) || (has(word.groups, Group::slow) && bpm <= 90) ||
         (has(word.groups, Group::medium) && bpm >= 76 && bpm <= 132);
}

/// "no voice" and "instrumental" are one; also word for word where polarity is the same.
bool says(const Word& caption, const Word& wanted, const WordKnowledge& knowledge) {
  const bool no_voice = wanted.negated && has(wanted.groups, Group::voice);
  const bool no_voice_said = caption.negated && has(caption.groups, Group::voice);
  if (no_voice && has(caption.groups, Group::instrumental) && !caption.negated) return true;
  if (has(wanted.groups, Group::instrumental) && !wanted.negated && no_voice_said) return true;
  if (caption.negated == wanted.negated) return expresses(caption, wanted, knowledge);
  // "not that great" is low quality, "not fast" no tempo of its own.
  return caption.negated && has(caption.groups, Group::high) && has(wanted.groups, Group::low);
}

/// The whole tag letter by letter, however parted: "synthpop", "synth pop" and "synth-pop".
bool stands_joined(const TagWords& tag, std::span<const Word> caption) {
  std::string joined;
  for (const Word& word : tag.content) {
    if (word.negated) return false;
    joined += word.text;
  }
  for (std::size_t i = 0; i < caption.size(); ++i) {
    std::string_view rest = joined;
    for (std::size_t j = i; j < caption.size() && !rest.empty() && rest.starts_with(caption[j].text); ++j) {
      rest.remove_prefix(caption[j].text.size());
      if (!caption[j].negated && (rest.empty() || rest == "s")) return true;
    }
  }
  return false;
}

/// The smallest stretch of the caption that holds a place of `wanted` of the lists.
/// @param places for each content word the positions that express it, ascending
bool are_near(std::span<const std::vector<int>> places, std::size_t wanted) {
  std::vector<std::pair<int, std::size_t>> all;  // position, which word
  for (std::size_t word = 0; word < places.size(); ++word) {
    for (const int position : places[word])
      all.emplace_back(position, word);
  }
  std::sort(all.begin(), all.end());
  const int widest = kNear * static_cast<int>(wanted > 1 ? wanted - 1 : 1);
  std::vector<std::size_t> seen(places.size());
  std::size_t distinct = 0;
  for (std::size_t last = 0, first = 0; last < all.size(); ++last) {
    distinct += seen[all[last].second]++ == 0 ? 1 : 0;
    while (all[last].first - all[first].first > widest)
      distinct -= --seen[all[first++].second] == 0 ? 1 : 0;
    if (distinct >= wanted) return true;
  }
  return false;
}

}  // namespace

std::vector<TagWords> read_tags(std::span<const std::string> tags, const WordKnowledge& knowledge) {
  std::vector<TagWords> read;
  read.reserve(tags.size());
  for (const std::string& tag : tags) {
    TagWords words{tag, read_words(tag, knowledge), {}};
    if (words.all.size() > kMaxWords) words.all.resize(kMaxWords);
    words.content = content_words(words.all);
    read.push_back(std::move(words));
  }
  return read;
}

bool is_expressed(const TagWords& tag, std::span<const Word> caption, const WordKnowledge& knowledge) {
  if (tag.content.empty()) return true;  // nothing readable in it: nothing to miss
  if (const int bpm = stated_bpm(tag.content); bpm > 0) {
    const auto fits = [&](const Word& word) { return fits_bpm(word, bpm); };
    if (std::any_of(caption.begin(), caption.end(), fits)) return true;
  }
  std::vector<std::vector<int>> places(tag.content.size());
  std::size_t found = 0;
  for (std::size_t i = 0; i < tag.content.size(); ++i) {
    for (const Word& word : caption) {
      if (!word.function && says(word, tag.content[i], knowledge)) places[i].push_back(word.position);
    }
    found += places[i].empty() ? 0 : 1;
  }
  const std::size_t wanted = tag.content.size() >= 4 ? tag.content.size() - 1 : tag.content.size();
  if (found >= wanted && are_near(places, wanted)) return true;
  return stands_joined(tag, caption);
}

bool is_given(const Word& said, std::span<const TagWords> tags, const WordKnowledge& knowledge) {
  for (const TagWords& tag : tags) {
    for (const Word& given : tag.content) {
      if (given.negated == said.negated) {
        // "no percussion" entails "no drums": under a negation it is the general word that entails the
        // special one.
        if (said.negated ? expresses(said, given, knowledge) : expresses(given, said, knowledge)) return true;
      }
      const bool instrumental = has(given.groups, Group::instrumental) && !given.negated;
      if (instrumental && said.negated && has(said.groups, Group::voice)) return true;
      const bool no_voice = given.negated && has(given.groups, Group::voice);
      if (no_voice && has(said.groups, Group::instrumental) && !said.negated) return true;
    }
  }
  return false;
}

}  // namespace lpmc
