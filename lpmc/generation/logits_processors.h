#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "lpmc/generation/options.h"

namespace lpmc {

/// What is done to the scores of the next token before one is chosen, in this order: repetition
/// penalty, ban of repeated n-grams, minimum length, forced first token, forced last token. Beam
/// search hands in log-probabilities, greedy search and plain sampling raw logits; nothing is
/// normalised afterwards.
/// Source: transformers 4.26.1 generation/logits_process.py.
class LogitsProcessors {
 public:
  LogitsProcessors(const GenerationOptions& options, const SpecialTokens& special);

  /// @param sequence the tokens so far, start token included
  /// @param scores of every token of the vocabulary, changed in place
  void apply(std::span<const std::int32_t> sequence, std::span<float> scores) const;

  /// The token that must follow a sequence of this length, whatever the scores; it gets score 0 and
  /// all others -inf. Where the first token is also the last, the end token wins.
  std::optional<std::int32_t> forced_token(std::size_t length) const;

 private:
  void penalise_repetition(std::span<const std::int32_t> sequence, std::span<float> scores) const;
  void ban_repeated_ngrams(std::span<const std::int32_t> sequence, std::span<float> scores) const;

  float repetition_penalty_;
  std::size_t ngram_;
  std::size_t min_length_;
  std::size_t max_length_;
  SpecialTokens special_;
};

}  // namespace lpmc
