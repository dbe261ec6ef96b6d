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

/// What makes a logit a log-probability, in float32 and in torch's order of operations; as it stands,
/// nothing.
struct LogSoftmax {
  float max = 0;
  float log_sum = 0;
  float operator()(float logit) const { return (logit - max) - log_sum; }
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

/// Puts a token at its place among the k best, highest first, of equal ones the lower token first; or
/// leaves it out. @pre k > 0; `best` is in that order and holds at most k, this token not among them
void keep_best(TokenScore token, std::size_t k, std::vector<TokenScore>& best);

}  // namespace lpmc
