#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lpmc::detail {

/// Ids of words and of n-grams: equal strings have equal ids.
class Vocabulary {
 public:
  /// The words of `text` as ids, in order; see track_caption.h for what a word is.
  std::vector<std::uint32_t> words(std::string_view text);
  /// Id of a word as words() gives it.
  std::uint32_t id(std::string_view word);

 private:
  std::unordered_map<std::string, std::uint32_t> ids_;
};

/// Words and pairs of neighbouring words of a text as a sorted set of keys. The k-th occurrence of
/// an n-gram has a key of its own, so intersections of sets are those of multisets.
std::vector<std::uint64_t> ngram_keys(const std::vector<std::uint32_t>& words);

/// 2 |A and B| / (|A| + |B|); 0 for two empty sets.
double f1_similarity(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b);

/// The sentences of a caption: up to '.', '!' or '?' before a blank, or a line end; trimmed.
std::vector<std::string_view> split_sentences(std::string_view text);

}  // namespace lpmc::detail
