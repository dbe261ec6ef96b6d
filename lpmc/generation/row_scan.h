#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lpmc/generation/row_scores.h"

namespace lpmc {

/// What the processors make of a token's score.
struct TokenChange {
  std::int32_t token;
  float score;
  float logit;  ///< what stands in the row
};

/// How a row's logits become scores: log_softmax(logit) + add.
struct RowScoring {
  LogSoftmax log_softmax;
  float add = 0;
  float operator()(float logit) const { return log_softmax(logit) + add; }
};

/// The log-softmax of a row and its best tokens, the row being read once: what is remembered of it, the
/// maxima of blocks of 64 tokens, leaves only a few blocks to look into. Reused from row to row; allocates
/// nothing after the constructor.
class RowScan {
 public:
  explicit RowScan(std::size_t vocab_size);

  /// @param logits [vocab_size]
  /// @return the row's log-softmax; its max is checked_max's, its log_sum may differ from log_sum_exp's by
  /// the rounding of a sum of exponentials, as they are taken relative to the maximum so far. The same
  /// for every instruction set.
  /// @throws as checked_max
  LogSoftmax read(std::span<const float> logits, std::int64_t row_index);

  /// The k highest scores of the row that was read last, highest first, of equal ones the lower token
  /// first; k tokens or all there are. -inf counts as a score.
  /// @param logits of that row; scratch while this runs, as before afterwards
  /// @param changed tokens that have another score (to which scoring.add is added), each once
  void top_tokens(std::span<float> logits, const RowScoring& scoring, std::span<const TokenChange> changed,
                  std::size_t k, std::vector<TokenScore>& top);

 private:
  void score_blocks(std::span<const float> logits, const RowScoring& scoring,
                    std::span<const TokenChange> changed);
  float score_to_reach(std::size_t k);

  std::size_t blocks_;          // that are not empty; these come first
  std::vector<float> maxima_;   // of the blocks
  std::vector<float> scores_;   // [blocks_], the best of each
  std::vector<float> highest_;  // of scores_
};

}  // namespace lpmc
