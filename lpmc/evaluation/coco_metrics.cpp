#include "lpmc/evaluation/coco_metrics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "lpmc/base/error.h"
#include "lpmc/base/threads.h"
#include "lpmc/evaluation/rouge_l.h"

namespace lpmc {

std::vector<TokenizedClip> tokenize_clips(std::span<const ClipCaptions> clips, const TokenizeFn& tokenize) {
  std::vector<TokenizedClip> tokenized(clips.size());
  parallel_for(static_cast<std::int64_t>(clips.size()), [&](std::int64_t index) {
    const ClipCaptions& clip = clips[static_cast<std::size_t>(index)];
    TokenizedClip& out = tokenized[static_cast<std::size_t>(index)];
    out.prediction = tokenize(clip.prediction);
    for (const std::string& reference : clip.references)
      out.references.push_back(tokenize(reference));
  });
  return tokenized;
}

BleuCounts coco_bleu_counts(const TokenizedClip& clip) {
  BleuCounts counts = bleu_counts(clip.prediction, clip.references);
  const auto distance = [&](std::int64_t length) { return std::abs(length - counts.prediction_length); };
  for (const auto& reference : clip.references) {
    const auto length = static_cast<std::int64_t>(reference.size());
    // counts.reference_length begins as the shortest, so of two as close the shorter one stays.
    const std::int64_t gain = distance(counts.reference_length) - distance(length);
    if (gain > 0 || (gain == 0 && length < counts.reference_length)) counts.reference_length = length;
  }
  return counts;
}

double coco_bleu(const BleuCounts& corpus, int order) {
  constexpr double kTiny = 1e-15, kSmall = 1e-9;
  LPMC_REQUIRE(order >= 1 && order <= kBleuOrders, invalid_argument, "BLEU: expected order 1 to {}, found {}",
               kBleuOrders, order);
  double product = 1;
  for (std::size_t n = 0; n < static_cast<std::size_t>(order); ++n) {
    product *=
        (static_cast<double>(corpus.matches[n]) + kTiny) / (static_cast<double>(corpus.totals[n]) + kSmall);
  }
  const double score = std::pow(product, 1.0 / order);
  const double ratio = (static_cast<double>(corpus.prediction_length) + kTiny) /
                       (static_cast<double>(corpus.reference_length) + kSmall);
  return ratio < 1 ? score * std::exp(1 - 1 / ratio) : score;
}

double coco_rouge_l(const TokenizedClip& clip) {
  constexpr double kBetaSquared = 1.2 * 1.2;
  double precision = 0, recall = 0;
  for (const auto& reference : clip.references) {
    const RougeL one = rouge_l(clip.prediction, reference);
    precision = std::max(precision, one.precision());
    recall = std::max(recall, one.recall());
  }
  if (precision == 0 || recall == 0) return 0;
  return (1 + kBetaSquared) * precision * recall / (recall + kBetaSquared * precision);
}

}  // namespace lpmc
