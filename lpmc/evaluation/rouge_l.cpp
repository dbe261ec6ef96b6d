#include "lpmc/evaluation/rouge_l.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <unordered_map>

#include "lpmc/base/error.h"
#include "lpmc/evaluation/unicode_text.h"

namespace lpmc {
namespace {

constexpr std::size_t kWordBits = 64;

/// Where the words of one text stand in the other, as bit rows. A word that stands there often has its row
/// kept; the others' rows are set and cleared anew in one scratch row, which takes no longer than walking
/// it. As a word is kept only where it has as many places as a row has words, at most 64 rows are kept.
class PlaceRows {
 public:
  explicit PlaceRows(std::span<const std::string> text)
      : width_((text.size() + kWordBits - 1) / kWordBits), scratch_(width_, 0) {
    for (std::size_t i = 0; i < text.size(); ++i)
      places_[text[i]].positions.push_back(i);
    for (auto& [word, places] : places_) {
      if (places.positions.size() < width_) continue;
      places.row.assign(width_, 0);
      set(places.positions, places.row);
    }
  }

  std::size_t width() const { return width_; }

  /// Calls use(row) where the word stands anywhere.
  template <class Use>
  void with_row(const std::string& word, Use&& use) {
    const auto found = places_.find(word);
    if (found == places_.end()) return;
    const Places& places = found->second;
    if (!places.row.empty()) return use(std::span<const std::uint64_t>(places.row));
    set(places.positions, scratch_);
    use(std::span<const std::uint64_t>(scratch_));
    for (const std::size_t position : places.positions)
      scratch_[position / kWordBits] = 0;
  }

 private:
  struct Places {
    std::vector<std::size_t> positions;
    std::vector<std::uint64_t> row;
  };

  static void set(std::span<const std::size_t> positions, std::span<std::uint64_t> row) {
    for (const std::size_t position : positions)
      row[position / kWordBits] |= std::uint64_t{1} << (position % kWordBits);
  }

  std::size_t width_;
  std::vector<std::uint64_t> scratch_;
  std::unordered_map<std::string_view, Places> places_;
};

}  // namespace

std::size_t longest_common_subsequence(std::span<const std::string> a, std::span<const std::string> b) {
  PlaceRows rows(b);
  // Hyyro's bit-parallel form of the dynamic programme: a 0 bit marks a column where the length grows.
  std::vector<std::uint64_t> columns(rows.width(), ~std::uint64_t{0});
  for (const std::string& word : a) {
    rows.with_row(word, [&](std::span<const std::uint64_t> row) {
      std::uint64_t carry = 0;
      for (std::size_t i = 0; i < columns.size(); ++i) {
        const std::uint64_t matched = columns[i] & row[i];
        const std::uint64_t partial = columns[i] + matched;
        const std::uint64_t sum = partial + carry;
        carry = (partial < matched) | (sum < carry);
        columns[i] = sum | (columns[i] & ~row[i]);
      }
    });
  }
  std::size_t zeros = 0;
  for (const std::uint64_t word : columns)
    zeros += static_cast<std::size_t>(std::popcount(~word));
  return zeros;  // bits past the end of b never become 0: no word stands there
}

double RougeL::precision() const {
  return prediction_length == 0 ? 0 : static_cast<double>(common) / static_cast<double>(prediction_length);
}

double RougeL::recall() const {
  return reference_length == 0 ? 0 : static_cast<double>(common) / static_cast<double>(reference_length);
}

double RougeL::f1() const {
  return common == 0 ? 0 : 2 * precision() * recall() / (precision() + recall());
}

std::vector<std::string> tokenize_rouge(std::string_view text) {
  const std::string lower = to_lower_case(text);
  std::vector<std::string> tokens;
  const auto in_token = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  for (auto begin = lower.begin();;) {
    begin = std::find_if(begin, lower.end(), in_token);
    if (begin == lower.end()) return tokens;
    const auto end = std::find_if_not(begin, lower.end(), in_token);
    tokens.emplace_back(begin, end);
    begin = end;
  }
}

RougeL rouge_l(std::span<const std::string> prediction, std::span<const std::string> reference) {
  return {longest_common_subsequence(prediction, reference), prediction.size(), reference.size()};
}

double rouge_l(const ClipCaptions& clip) {
  LPMC_REQUIRE(!clip.references.empty(), invalid_argument,
               "ROUGE-L: expected at least one reference, found none");
  const std::vector<std::string> prediction = tokenize_rouge(clip.prediction);
  double best = 0;
  for (const std::string& reference : clip.references)
    best = std::max(best, rouge_l(prediction, tokenize_rouge(reference)).f1());
  return best;
}

}  // namespace lpmc
