#include "lpmc/generation/logits_processors.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace lpmc {
namespace {

constexpr float kBanned = -std::numeric_limits<float>::infinity();

}  // namespace

LogitsProcessors::LogitsProcessors(const GenerationOptions& options, const SpecialTokens& special)
    : repetition_penalty_(static_cast<float>(options.repetition_penalty)),
      ngram_(static_cast<std::size_t>(options.no_repeat_ngram)),
      min_length_(static_cast<std::size_t>(options.min_length)),
      max_length_(static_cast<std::size_t>(options.max_length)),
      special_(special) {}

std::optional<std::int32_t> LogitsProcessors::forced_token(std::size_t length) const {
  if (special_.forced_eos >= 0 && length + 1 == max_length_) return special_.forced_eos;
  if (special_.forced_bos >= 0 && length == 1) return special_.forced_bos;
  return std::nullopt;
}

void LogitsProcessors::apply(std::span<const std::int32_t> sequence, std::span<float> scores) const {
  if (const std::optional<std::int32_t> forced = forced_token(sequence.size())) {
    std::fill(scores.begin(), scores.end(), kBanned);
    scores[static_cast<std::size_t>(*forced)] = 0;
    return;
  }
  if (repetition_penalty_ != 1.0F) penalise_repetition(sequence, scores);
  if (ngram_ > 0) ban_repeated_ngrams(sequence, scores);
  if (special_.eos >= 0 && sequence.size() < min_length_)
    scores[static_cast<std::size_t>(special_.eos)] = kBanned;
}

void LogitsProcessors::penalise_repetition(std::span<const std::int32_t> sequence,
                                           std::span<float> scores) const {
  std::vector<std::int32_t> tokens(sequence.begin(), sequence.end());
  std::sort(tokens.begin(), tokens.end());
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  for (const std::int32_t token : tokens) {
    float& score = scores[static_cast<std::size_t>(token)];
    score = score < 0 ? score * repetition_penalty_ : score / repetition_penalty_;
  }
}

void LogitsProcessors::ban_repeated_ngrams(std::span<const std::int32_t> sequence,
                                           std::span<float> scores) const {
  if (sequence.size() < ngram_) return;  // no n-gram is complete
  const std::span<const std::int32_t> recent = sequence.last(ngram_ - 1);
  for (std::size_t i = 0; i + ngram_ <= sequence.size(); ++i) {
    if (std::equal(recent.begin(), recent.end(), sequence.begin() + static_cast<std::ptrdiff_t>(i))) {
      scores[static_cast<std::size_t>(sequence[i + ngram_ - 1])] = kBanned;
    }
  }
}

}  // namespace lpmc
