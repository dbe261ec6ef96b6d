#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lpmc/generation/options.h"
#include "lpmc/generation/row_scan.h"

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

  /// The same on the side, for a row of which few scores are wanted: the tokens that apply would give
  /// another score than log_softmax(logit), in order. No more than max_changes() of them.
  /// @param sequence the tokens so far, start token included
  /// @param logits of every token of the vocabulary
  /// @pre !forced_token(sequence.size())
  void find_changes(std::span<const std::int32_t> sequence, std::span<const float> logits,
                    const LogSoftmax& log_softmax, std::vector<TokenChange>& changes) const;

  /// Room that find_changes may need in `changes`, for any sequence that max_length allows.
  std::size_t max_changes() const;

  /// The token that must follow a sequence of this length, whatever the scores; it gets score 0 and
  /// all others -inf. Where the first token is also the last, the end token wins.
  std::optional<std::int32_t> forced_token(std::size_t length) const;

 private:
  void ban_repeated_ngrams(std::span<const std::int32_t> sequence, std::vector<TokenChange>& changes) const;

  float repetition_penalty_;
  std::size_t ngram_;
  std::size_t min_length_;
  std::size_t max_length_;
  SpecialTokens special_;
};

}  // namespace lpmc
