#include "lpmc/dataset/manifest_stats.h"

#include <algorithm>
#include <set>

namespace lpmc {
namespace {

std::uint64_t count_words(std::string_view text) {
  std::uint64_t words = 0;
  bool in_word = false;
  for (const char c : text) {
    const bool is_blank = c == ' ' || (c >= '\t' && c <= '\r');
    if (!is_blank && !in_word) ++words;
    in_word = !is_blank;
  }
  return words;
}

}  // namespace

void NumberSummary::add(std::uint64_t value) {
  least = count == 0 ? value : std::min(least, value);
  most = std::max(most, value);
  sum += value;
  ++count;
}

void ManifestStats::add(const ManifestRecord& record) {
  SplitSummary& split = splits_[record.split];
  ++split.records;
  if (!record.audio.empty()) ++split.with_audio;
  if (!record.tags.empty()) ++split.with_tags;
  split.tags.add(record.tags.size());
  // A tag that a record has twice counts once.
  for (const std::string& tag : std::set<std::string>(record.tags.begin(), record.tags.end()))
    ++tags_[tag];
  if (record.caption.empty() && record.captions.empty()) ++split.without_text;
  if (!record.caption.empty()) add_caption(split, "caption", record.caption);
  for (const auto& [column, text] : record.captions)
    add_caption(split, column, text);
}

void ManifestStats::add_caption(SplitSummary& split, const std::string& column,
                                const std::string& text) const {
  CaptionSummary& summary = split.columns[column];
  summary.words.add(count_words(text));
  if (!count_tokens_) return;
  const std::uint64_t tokens = count_tokens_(text);
  summary.tokens.add(tokens);
  if (tokens > max_tokens_) ++summary.too_long;
}

std::vector<std::pair<std::string, std::uint64_t>> ManifestStats::top_tags(std::size_t most) const {
  std::vector<std::pair<std::string, std::uint64_t>> tags(tags_.begin(), tags_.end());
  const auto is_before = [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  };
  const auto end = tags.begin() + static_cast<std::ptrdiff_t>(std::min(most, tags.size()));
  std::partial_sort(tags.begin(), end, tags.end(), is_before);
  tags.erase(end, tags.end());
  return tags;
}

}  // namespace lpmc
