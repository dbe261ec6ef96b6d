#include "lpmc/evaluation/bleu.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "lpmc/base/error.h"
#include "lpmc/evaluation/bleu_tokenizer.h"

namespace lpmc {
namespace {

/// The texts of a clip one after another, words as numbers.
struct Corpus {
  std::vector<std::uint32_t> words;
  std::vector<std::size_t> starts;  // of the prediction (0), of each reference, and the end
};

Corpus number_words(std::span<const std::string> prediction,
                    std::span<const std::vector<std::string>> references) {
  Corpus corpus;
  std::unordered_map<std::string_view, std::uint32_t> numbers;
  const auto append = [&](std::span<const std::string> text) {
    corpus.starts.push_back(corpus.words.size());
    for (const std::string& word : text)
      corpus.words.push_back(
          numbers.try_emplace(word, static_cast<std::uint32_t>(numbers.size())).first->second);
  };
  append(prediction);
  for (const std::vector<std::string>& reference : references)
    append(reference);
  corpus.starts.push_back(corpus.words.size());
  return corpus;
}

/// An n-gram: its number among all n-grams, and which text it stands in.
struct Gram {
  std::uint64_t key;
  std::uint32_t text;
  std::uint32_t position;
};

/// All n-grams, equal ones together, texts in order. `numbers[i]` is the number of the (n - 1)-gram at i.
std::vector<Gram> sorted_grams(const Corpus& corpus, std::span<const std::uint32_t> numbers, std::size_t n) {
  std::vector<Gram> grams;
  grams.reserve(corpus.words.size());
  for (std::size_t text = 0; text + 1 < corpus.starts.size(); ++text) {
    for (std::size_t i = corpus.starts[text]; i + n <= corpus.starts[text + 1]; ++i) {
      const std::uint64_t key = (std::uint64_t{numbers[i]} << 32) | corpus.words[i + n - 1];
      grams.push_back({key, static_cast<std::uint32_t>(text), static_cast<std::uint32_t>(i)});
    }
  }
  std::sort(grams.begin(), grams.end(),
            [](const Gram& a, const Gram& b) { return a.key != b.key ? a.key < b.key : a.text < b.text; });
  return grams;
}

/// Counts the matches of one order, and numbers the n-grams for the next one.
std::int64_t count_matches(std::span<const Gram> grams, std::vector<std::uint32_t>& numbers) {
  std::int64_t matches = 0;
  std::uint32_t number = 0;
  for (std::size_t begin = 0; begin < grams.size(); ++number) {
    const std::uint64_t key = grams[begin].key;
    std::int64_t in_prediction = 0, most = 0, run = 0;
    std::size_t i = begin;
    for (; i < grams.size() && grams[i].key == key; ++i) {
      numbers[grams[i].position] = number;
      run = i > begin && grams[i].text == grams[i - 1].text ? run + 1 : 1;
      std::int64_t& count = grams[i].text == 0 ? in_prediction : most;
      count = std::max(count, run);
    }
    matches += std::min(in_prediction, most);
    begin = i;
  }
  return matches;
}

}  // namespace

BleuCounts& BleuCounts::operator+=(const BleuCounts& other) {
  for (std::size_t n = 0; n < kBleuOrders; ++n) {
    matches[n] += other.matches[n];
    totals[n] += other.totals[n];
  }
  prediction_length += other.prediction_length;
  reference_length += other.reference_length;
  return *this;
}

BleuCounts bleu_counts(std::span<const std::string> prediction,
                       std::span<const std::vector<std::string>> references) {
  LPMC_REQUIRE(!references.empty(), invalid_argument, "BLEU: expected at least one reference, found none");
  BleuCounts counts;
  counts.prediction_length = std::ssize(prediction);
  counts.reference_length =
      std::ssize(*std::min_element(references.begin(), references.end(),
                                   [](const auto& a, const auto& b) { return a.size() < b.size(); }));

  const Corpus corpus = number_words(prediction, references);
  std::vector<std::uint32_t> numbers(corpus.words.size(), 0);
  for (std::size_t n = 1; n <= kBleuOrders; ++n) {
    counts.totals[n - 1] =
        std::max<std::int64_t>(0, counts.prediction_length - static_cast<std::int64_t>(n) + 1);
    if (counts.totals[n - 1] == 0) break;  // no longer n-gram either
    counts.matches[n - 1] = count_matches(sorted_grams(corpus, numbers, n), numbers);
  }
  return counts;
}

BleuCounts bleu_counts(const ClipCaptions& clip) {
  std::vector<std::vector<std::string>> references;
  references.reserve(clip.references.size());
  for (const std::string& reference : clip.references)
    references.push_back(tokenize_13a(reference));
  return bleu_counts(tokenize_13a(clip.prediction), references);
}

double bleu(const BleuCounts& corpus, int order) {
  LPMC_REQUIRE(order >= 1 && order <= kBleuOrders, invalid_argument,
               "BLEU: order: expected 1 to {}, found {}", kBleuOrders, order);
  if (corpus.prediction_length == 0 || corpus.reference_length == 0) return 0;
  double log_sum = 0;
  for (std::size_t n = 0; n < static_cast<std::size_t>(order); ++n) {
    if (corpus.matches[n] == 0) return 0;  // so totals[n] is not 0 below
    log_sum += 1.0 / order *
               std::log(static_cast<double>(corpus.matches[n]) / static_cast<double>(corpus.totals[n]));
  }
  const double ratio =
      static_cast<double>(corpus.prediction_length) / static_cast<double>(corpus.reference_length);
  const double penalty = ratio > 1 ? 1 : std::exp(1 - 1 / ratio);
  return std::exp(log_sum) * penalty;
}

}  // namespace lpmc
