#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lpmc {

// How much a model repeats itself, on tokens at hand.

using TokenizedTexts = std::span<const std::vector<std::string>>;

/// Different n-grams / all n-grams over all texts together; 0 where there is none.
/// @throws Error(invalid_argument) when n is under 1
double distinct_n(TokenizedTexts texts, int n);

/// Each text's BLEU (not smoothed, as bleu()) against all others as its references; their mean is Self-BLEU:
/// the higher, the more alike the texts are. Time grows with the number of tokens, not with its square.
/// @param order 1 to 4
/// @throws Error(invalid_argument) for fewer than two texts or another order
std::vector<double> self_bleu(TokenizedTexts texts, int order);

/// `sample` different indices under `count`, ascending, repeatable by the seed; all where sample is 0 or not
/// under `count`.
std::vector<std::size_t> sample_indices(std::size_t count, std::size_t sample, std::uint32_t seed);

}  // namespace lpmc
