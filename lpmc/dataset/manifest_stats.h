#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lpmc/dataset/manifest.h"

namespace lpmc {

/// Count, mean, least and most of whole numbers.
struct NumberSummary {
  std::uint64_t count = 0;
  std::uint64_t sum = 0;
  std::uint64_t least = 0;
  std::uint64_t most = 0;

  void add(std::uint64_t value);
  double mean() const { return count == 0 ? 0 : static_cast<double>(sum) / static_cast<double>(count); }
};

/// The captions of one column.
struct CaptionSummary {
  NumberSummary words;         ///< between white space
  NumberSummary tokens;        ///< where they were counted
  std::uint64_t too_long = 0;  ///< of more tokens than the model's longest text: cut in training
};

/// What a split has.
struct SplitSummary {
  std::uint64_t records = 0;
  std::uint64_t with_audio = 0;  ///< with a path in the manifest
  std::uint64_t with_tags = 0;
  std::uint64_t without_text = 0;  ///< no caption in any column: nothing to learn from
  NumberSummary tags;
  std::map<std::string, CaptionSummary> columns;  ///< "caption" (a human's), "writing", ...
};

/// Counts the records of a manifest, one after the other.
class ManifestStats {
 public:
  using CountTokens = std::function<std::uint64_t(std::string_view)>;
  ManifestStats() = default;
  /// @param count_tokens of a caption, with the special ones
  /// @param max_tokens the model's longest text
  ManifestStats(CountTokens count_tokens, std::uint64_t max_tokens)
      : count_tokens_(std::move(count_tokens)), max_tokens_(max_tokens) {}

  void add(const ManifestRecord& record);

  /// By split; "" where a record has none.
  const std::map<std::string, SplitSummary>& splits() const { return splits_; }
  std::size_t distinct_tags() const { return tags_.size(); }
  /// The most frequent ones with their counts; equal counts in the order of their text.
  std::vector<std::pair<std::string, std::uint64_t>> top_tags(std::size_t most) const;

 private:
  void add_caption(SplitSummary& split, const std::string& column, const std::string& text) const;

  CountTokens count_tokens_;
  std::uint64_t max_tokens_ = 0;
  std::map<std::string, SplitSummary> splits_;
  std::unordered_map<std::string, std::uint64_t> tags_;
};

}  // namespace lpmc
