#include "lpmc/evaluation/diversity.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <random>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/evaluation/bleu.h"

namespace lpmc {
namespace {

/// Tokens hold no white space, so a space joins them.
std::string join(std::span<const std::string> tokens) {
  std::string text;
  for (const std::string& token : tokens) {
    text += token;
    text += ' ';
  }
  return text;
}

using Counts = std::unordered_map<std::string, std::int64_t>;

Counts count_ngrams(const std::vector<std::string>& tokens, std::size_t n) {
  Counts counts;
  for (std::size_t begin = 0; begin + n <= tokens.size(); ++begin)
    ++counts[join(std::span(tokens).subspan(begin, n))];
  return counts;
}

/// The largest count of an n-gram in any text, whose it is, and the largest of the other texts.
struct TopTwo {
  std::int64_t first = 0, second = 0;
  std::size_t owner = 0;

  void add(std::int64_t count, std::size_t text) {
    if (count > first) {
      second = first;
      first = count;
      owner = text;
    } else {
      second = std::max(second, count);
    }
  }
  std::int64_t without(std::size_t text) const { return text == owner ? second : first; }
};

/// Matches and totals of one order, of each text against all others.
void add_order(TokenizedTexts texts, std::size_t n, std::vector<BleuCounts>& counts) {
  std::unordered_map<std::string, TopTwo> largest;
  std::vector<Counts> of_text;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    of_text.push_back(count_ngrams(texts[i], n));
    for (const auto& [ngram, count] : of_text.back())
      largest[ngram].add(count, i);
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    for (const auto& [ngram, count] : of_text[i]) {
      counts[i].totals[n - 1] += count;
      counts[i].matches[n - 1] += std::min(count, largest.at(ngram).without(i));
    }
  }
}

/// The shortest of the other texts, as corpus BLEU takes a reference's length.
void add_lengths(TokenizedTexts texts, std::vector<BleuCounts>& counts) {
  std::array<std::size_t, 2> shortest = {0, 1};  // of all texts, and of all but that one
  if (texts[1].size() < texts[0].size()) std::swap(shortest[0], shortest[1]);
  for (std::size_t i = 2; i < texts.size(); ++i) {
    if (texts[i].size() < texts[shortest[0]].size()) {
      shortest = {i, shortest[0]};
    } else if (texts[i].size() < texts[shortest[1]].size()) {
      shortest[1] = i;
    }
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::size_t other = i == shortest[0] ? shortest[1] : shortest[0];
    counts[i].prediction_length = static_cast<std::int64_t>(texts[i].size());
    counts[i].reference_length = static_cast<std::int64_t>(texts[other].size());
  }
}

}  // namespace

double distinct_n(TokenizedTexts texts, int n) {
  LPMC_REQUIRE(n >= 1, invalid_argument, "distinct-n: expected n of at least 1, found {}", n);
  const auto order = static_cast<std::size_t>(n);
  std::unordered_set<std::string> different;
  std::size_t all = 0;
  for (const std::vector<std::string>& tokens : texts) {
    for (std::size_t begin = 0; begin + order <= tokens.size(); ++begin, ++all)
      different.insert(join(std::span(tokens).subspan(begin, order)));
  }
  return all == 0 ? 0 : static_cast<double>(different.size()) / static_cast<double>(all);
}

std::vector<double> self_bleu(TokenizedTexts texts, int order) {
  LPMC_REQUIRE(order >= 1 && order <= kBleuOrders, invalid_argument,
               "Self-BLEU: expected order 1 to {}, found {}", kBleuOrders, order);
  LPMC_REQUIRE(texts.size() >= 2, invalid_argument, "Self-BLEU: expected at least two texts, found {}",
               texts.size());
  std::vector<BleuCounts> counts(texts.size());
  add_lengths(texts, counts);
  for (int n = 1; n <= order; ++n)
    add_order(texts, static_cast<std::size_t>(n), counts);
  std::vector<double> scores;
  for (const BleuCounts& count : counts)
    scores.push_back(bleu(count, order));
  return scores;
}

std::vector<std::size_t> sample_indices(std::size_t count, std::size_t sample, std::uint32_t seed) {
  std::vector<std::size_t> indices(count);
  std::iota(indices.begin(), indices.end(), std::size_t{0});
  if (sample == 0 || sample >= count) return indices;
  std::mt19937 random(seed);
  for (std::size_t i = 0; i < sample; ++i) {
    // The library's distributions differ between compilers; a remainder of 64 bits has no bias to speak of.
    const std::uint64_t draw = (std::uint64_t{random()} << 32) | random();
    std::swap(indices[i], indices[i + static_cast<std::size_t>(draw % (count - i))]);
  }
  indices.resize(sample);
  std::sort(indices.begin(), indices.end());
  return indices;
}

}  // namespace lpmc
