#include "lpmc/generation/logits_processors.h"

#include <algorithm>
#include <limits>

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
  std::vector<TokenChange> changes;
  find_changes(sequence, scores, {}, changes);
  for (const TokenChange& change : changes)
    scores[static_cast<std::size_t>(change.token)] = change.score;
}

std::size_t LogitsProcessors::max_changes() const {
  return 2 * max_length_;  // each token of a sequence once penalised, once banned; and the end token
}

void LogitsProcessors::find_changes(std::span<const std::int32_t> sequence, std::span<const float> logits,
                                    const LogSoftmax& log_softmax, std::vector<TokenChange>& changes) const {
  changes.clear();
  if (repetition_penalty_ != 1.0F) {
    for (const std::int32_t token : sequence) {
      const float score = log_softmax(logits[static_cast<std::size_t>(token)]);
      changes.push_back({token, score < 0 ? score * repetition_penalty_ : score / repetition_penalty_, 0});
    }
  }
  if (ngram_ > 0) ban_repeated_ngrams(sequence, changes);
  if (special_.eos >= 0 && sequence.size() < min_length_) changes.push_back({special_.eos, kBanned, 0});
  // A ban comes before a penalty, and what comes first stays.
  std::sort(changes.begin(), changes.end(), [](const TokenChange& a, const TokenChange& b) {
    return a.token != b.token ? a.token < b.token : a.score < b.score;
  });
  const auto same_token = [](const TokenChange& a, const TokenChange& b) { return a.token == b.token; };
  changes.erase(std::unique(changes.begin(), changes.end(), same_token), changes.end());
  for (TokenChange& change : changes)
    change.logit = logits[static_cast<std::size_t>(change.token)];
}

void LogitsProcessors::ban_repeated_ngrams(std::span<const std::int32_t> sequence,
                                           std::vector<TokenChange>& changes) const {
  if (sequence.size() < ngram_) return;  // no n-gram is complete
  const std::span<const std::int32_t> recent = sequence.last(ngram_ - 1);
  for (std::size_t i = 0; i + ngram_ <= sequence.size(); ++i) {
    if (std::equal(recent.begin(), recent.end(), sequence.begin() + static_cast<std::ptrdiff_t>(i))) {
      changes.push_back({sequence[i + ngram_ - 1], kBanned, 0});
    }
  }
}

}  // namespace lpmc
