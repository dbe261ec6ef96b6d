#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lpmc/generation/options.h"
#include "lpmc/generation/row_scores.h"

namespace lpmc {

/// Random numbers by counting: the number of a draw follows from the key and the draw's place alone,
/// not from what was drawn before, so the batch a segment shares changes nothing.
class Draws {
 public:
  Draws(std::int64_t seed, std::uint64_t stream, std::uint64_t replica);
  /// Uniform in [0, 1), 53 bits.
  double uniform(std::uint64_t step, std::uint64_t draw) const;

 private:
  std::uint64_t key_;
};

/// The tokens of a row that sampling may choose: scores / temperature (float32), then the top_k
/// highest (all that equal the lowest of them stay too), then top_p. At least `min_tokens` stay,
/// of those that are not -inf.
/// Source: transformers 4.26.1 TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper.
/// @param scores of every token; overwritten
/// @return in order of the tokens; empty where everything is -inf
std::vector<TokenScore> warp(std::span<float> scores, const GenerationOptions& options,
                             std::size_t min_tokens);

/// Draws `count` different indices of `scores`, each in turn with a probability proportional to
/// exp(score) among those left (a multinomial without replacement). Where fewer than `count` have a
/// probability, the highest scores that are left follow, of equal ones the lower index; where fewer
/// than `count` scores are given, all are drawn.
std::vector<std::size_t> draw_without_replacement(std::span<const float> scores, std::size_t count,
                                                  const Draws& draws, std::uint64_t step);

}  // namespace lpmc
