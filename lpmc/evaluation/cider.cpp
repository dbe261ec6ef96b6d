// CIDEr-D; its contract is in coco_metrics.h.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lpmc/base/error.h"
#include "lpmc/base/threads.h"
#include "lpmc/evaluation/coco_metrics.h"

namespace lpmc {
namespace {

constexpr std::size_t kOrders = 4;
constexpr double kSigma = 6;

/// Numbers from 0 on for pairs of numbers, in the order of their first sight: a table with open addressing,
/// as this is where the time goes.
class PairNumbers {
 public:
  PairNumbers() : table_(std::size_t{1} << 16) {}

  std::uint32_t of(std::uint32_t first, std::uint32_t second) {
    if (2 * (count_ + std::size_t{1}) > table_.size()) grow();
    const std::uint64_t key = std::uint64_t{first} << 32 | second;
    Slot& slot = find(key);
    if (!slot.used) slot = {key, count_++, true};
    return slot.number;
  }
  std::uint32_t size() const { return count_; }

 private:
  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t number = 0;
    bool used = false;
  };

  Slot& find(std::uint64_t key) {
    std::uint64_t hash = key * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 29;
    hash *= 0xbf58476d1ce4e5b9u;
    std::size_t at = static_cast<std::size_t>(hash >> 20) & (table_.size() - 1);
    while (table_[at].used && table_[at].key != key)
      at = (at + 1) & (table_.size() - 1);
    return table_[at];
  }

  void grow() {
    std::vector<Slot> old(4 * table_.size());
    old.swap(table_);
    for (const Slot& slot : old) {
      if (slot.used) find(slot.key) = slot;
    }
  }

  std::vector<Slot> table_;
  std::uint32_t count_ = 0;
};

struct NgramCount {
  std::uint32_t ngram = 0;
  std::uint32_t count = 0;
};

/// How often each n-gram of a text occurs. A prediction's stand in the order of their first occurrence, so
/// that sums over them do not depend on other clips; a reference's are sorted to be found.
struct TextNgrams {
  std::array<std::vector<NgramCount>, kOrders> of_order;
  std::vector<double> norms;  // of a reference, by order
  double bigrams = 0;
};

struct CountedClip {
  TextNgrams prediction;
  std::vector<TextNgrams> references;
};

/// Numbers the n-grams of all texts and counts them; an n-gram is the one without its last word and that
/// word.
class NgramCounter {
 public:
  TextNgrams count(const std::vector<std::string>& tokens) {
    constexpr std::uint32_t kNothing = 0xFFFFFFFF;
    ++text_;
    std::vector<std::uint32_t> words, prefixes(tokens.size(), kNothing);
    for (const std::string& token : tokens)
      words.push_back(words_.emplace(token, static_cast<std::uint32_t>(words_.size())).first->second);
    TextNgrams counts;
    for (std::size_t n = 1; n <= std::min(kOrders, words.size()); ++n) {
      for (std::size_t begin = 0; begin + n <= words.size(); ++begin) {
        prefixes[begin] = ngrams_.of(prefixes[begin], words[begin + n - 1]);
        add(prefixes[begin], counts.of_order[n - 1]);
      }
    }
    counts.bigrams = words.size() < 2 ? 0 : static_cast<double>(words.size() - 1);
    return counts;
  }
  std::uint32_t size() const { return ngrams_.size(); }

 private:
  /// Where the n-gram stands in the list of the text that was looked at last.
  struct Place {
    std::uint32_t text = 0, index = 0;
  };

  void add(std::uint32_t ngram, std::vector<NgramCount>& list) {
    if (ngram >= places_.size()) places_.resize(std::max<std::size_t>(2 * places_.size(), ngram + 1));
    Place& place = places_[ngram];
    if (place.text != text_) {
      place = {text_, static_cast<std::uint32_t>(list.size())};
      list.push_back({ngram, 0});
    }
    ++list[place.index].count;
  }

  std::unordered_map<std::string_view, std::uint32_t> words_;
  PairNumbers ngrams_;
  std::vector<Place> places_;
  std::uint32_t text_ = 0;
};

/// The weight of each n-gram: ln(clips) - ln(clips with the n-gram in a reference).
std::vector<double> ngram_weights(std::span<const CountedClip> clips, std::size_t ngrams) {
  std::vector<std::uint32_t> frequencies(ngrams), last_clip(ngrams);  // clips counted from 1
  for (std::size_t i = 0; i < clips.size(); ++i) {
    const auto clip = static_cast<std::uint32_t>(i + 1);
    for (const TextNgrams& reference : clips[i].references) {
      for (const auto& list : reference.of_order) {
        for (const NgramCount& item : list) {
          frequencies[item.ngram] += last_clip[item.ngram] == clip ? 0 : 1;
          last_clip[item.ngram] = clip;
        }
      }
    }
  }
  const double log_clips = std::log(static_cast<double>(clips.size()));
  std::vector<double> weights(ngrams, log_clips);
  for (std::size_t i = 0; i < ngrams; ++i) {
    if (frequencies[i] > 1) weights[i] = log_clips - std::log(static_cast<double>(frequencies[i]));
  }
  return weights;
}

double norm(const std::vector<NgramCount>& list, const std::vector<double>& weights) {
  double sum = 0;
  for (const NgramCount& item : list) {
    const double value = item.count * weights[item.ngram];
    sum += value * value;
  }
  return std::sqrt(sum);
}

/// Norms in the order of the text, then the order in which n-grams are found.
void prepare_reference(TextNgrams& reference, const std::vector<double>& weights) {
  for (auto& list : reference.of_order) {
    reference.norms.push_back(norm(list, weights));
    std::sort(list.begin(), list.end(),
              [](const NgramCount& a, const NgramCount& b) { return a.ngram < b.ngram; });
  }
}

double similarity(const TextNgrams& prediction, const TextNgrams& reference,
                  const std::vector<double>& weights) {
  const double difference = prediction.bigrams - reference.bigrams;
  const double penalty = std::exp(-difference * difference / (2 * kSigma * kSigma));
  double mean = 0;
  for (std::size_t n = 0; n < kOrders; ++n) {
    const auto& list = reference.of_order[n];
    double product = 0;
    for (const NgramCount& said : prediction.of_order[n]) {
      const auto meant =
          std::lower_bound(list.begin(), list.end(), said.ngram,
                           [](const NgramCount& item, std::uint32_t ngram) { return item.ngram < ngram; });
      if (meant == list.end() || meant->ngram != said.ngram) continue;
      const double weight = weights[said.ngram];
      product += std::min(said.count, meant->count) * weight * (meant->count * weight);
    }
    const double norms = norm(prediction.of_order[n], weights) * reference.norms[n];
    if (norms != 0) product /= norms;
    mean += product * penalty / kOrders;
  }
  return mean;
}

}  // namespace

std::vector<double> cider_d(std::span<const TokenizedClip> clips) {
  LPMC_REQUIRE(clips.size() >= 2, invalid_argument, "CIDEr-D: expected at least two clips, found {}",
               clips.size());
  NgramCounter counter;
  std::vector<CountedClip> counted(clips.size());
  for (std::size_t i = 0; i < clips.size(); ++i) {
    counted[i].prediction = counter.count(clips[i].prediction);
    for (const auto& reference : clips[i].references)
      counted[i].references.push_back(counter.count(reference));
  }
  const std::vector<double> weights = ngram_weights(counted, counter.size());
  std::vector<double> scores(clips.size());
  parallel_for(static_cast<std::int64_t>(clips.size()), [&](std::int64_t index) {
    CountedClip& clip = counted[static_cast<std::size_t>(index)];
    double sum = 0;
    for (TextNgrams& reference : clip.references) {
      prepare_reference(reference, weights);
      sum += similarity(clip.prediction, reference, weights);
    }
    scores[static_cast<std::size_t>(index)] = 10 * sum / static_cast<double>(clip.references.size());
  });
  return scores;
}

}  // namespace lpmc
