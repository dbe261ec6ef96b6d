#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lpmc {

/// A token and its score: logit, log-probability, or sum of log-probabilities.
struct TokenScore {
  float score;
  std::int32_t token;
};

/// The largest logit of a row.
/// @param row_index for the message
/// @throws Error(invalid_argument) "logits: found NaN at row 3", and the same for +inf and for a row
/// that is -inf throughout: none of them has probabilities
float checked_max(std::span<const float> logits, std::int64_t row_index);

/// log(sum exp(logit - max)), float32; the exponentials are off by under 2 ulp.
float log_sum_exp(std::span<const float> logits, float max);

/// logits to log-probabilities in place, each (logit - max) - log_sum_exp in float32, the order of
/// operations that torch has.
/// @throws as checked_max
void log_softmax(std::span<float> logits, std::int64_t row_index);

/// The k highest of scores[token] + add (float32), highest first; of equal ones the lower token
/// first. k tokens or all there are; -inf counts as a score.
void top_tokens(std::span<const float> scores, float add, std::size_t k, std::vector<TokenScore>& top);

}  // namespace lpmc
