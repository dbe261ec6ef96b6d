#include "lpmc/generation/sampling.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace lpmc {
namespace {

/// The finaliser of SplitMix64: a bijection of 64 bits that leaves no pattern of the input.
std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

/// exp(score - max), also where division by a small temperature made both infinite.
template <class T>
T weight_of(T score, T max) {
  return score == max ? T{1} : std::exp(score - max);
}

/// Keeps the k highest scores and all that equal the lowest of them.
void keep_top_k(std::vector<TokenScore>& tokens, std::size_t k) {
  if (tokens.size() <= k) return;
  std::vector<float> scores;
  scores.reserve(tokens.size());
  for (const TokenScore& token : tokens)
    scores.push_back(token.score);
  const auto kth = scores.begin() + static_cast<std::ptrdiff_t>(k - 1);
  std::nth_element(scores.begin(), kth, scores.end(), std::greater<>());
  std::erase_if(tokens, [lowest = *kth](const TokenScore& token) { return token.score < lowest; });
}

/// Drops the lowest scores whose probabilities together are at most 1 - top_p.
void keep_top_p(std::vector<TokenScore>& tokens, double top_p, std::size_t min_tokens) {
  if (tokens.empty()) return;
  std::sort(tokens.begin(), tokens.end(), [](const TokenScore& a, const TokenScore& b) {
    return a.score != b.score ? a.score < b.score : a.token > b.token;
  });
  const float max = tokens.back().score;
  double sum = 0;
  for (const TokenScore& token : tokens)
    sum += static_cast<double>(weight_of(token.score, max));
  const auto limit = static_cast<float>(1.0 - top_p);
  const std::size_t droppable = tokens.size() - std::min(tokens.size(), min_tokens);
  std::size_t dropped = 0;
  double cumulative = 0;
  for (; dropped < droppable; ++dropped) {
    const float probability = weight_of(tokens[dropped].score, max) / static_cast<float>(sum);
    cumulative += static_cast<double>(probability);
    if (static_cast<float>(cumulative) > limit) break;
  }
  tokens.erase(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(dropped));
}

/// The index that `target` in [0, sum of weights) falls on.
std::size_t find_weight(std::span<const double> weights, double target) {
  std::size_t last = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] <= 0) continue;
    last = i;
    if (target < weights[i]) return i;
    target -= weights[i];
  }
  return last;  // rounding used the target up
}

}  // namespace

Draws::Draws(std::int64_t seed, std::uint64_t stream, std::uint64_t replica)
    : key_(mix(mix(mix(static_cast<std::uint64_t>(seed)) ^ stream) ^ replica)) {}

double Draws::uniform(std::uint64_t step, std::uint64_t draw) const {
  return static_cast<double>(mix(mix(key_ ^ step) ^ draw) >> 11) * 0x1.0p-53;
}

std::vector<TokenScore> warp(std::span<float> scores, const GenerationOptions& options,
                             std::size_t min_tokens) {
  const auto temperature = static_cast<float>(options.temperature);
  if (temperature != 1.0F) {
    for (float& score : scores)
      score /= temperature;
  }
  std::vector<TokenScore> tokens;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (scores[i] > -std::numeric_limits<float>::infinity()) {
      tokens.push_back({scores[i], static_cast<std::int32_t>(i)});
    }
  }
  if (options.top_k > 0) keep_top_k(tokens, std::max(static_cast<std::size_t>(options.top_k), min_tokens));
  if (options.top_p < 1.0) {
    keep_top_p(tokens, options.top_p, min_tokens);
    std::sort(tokens.begin(), tokens.end(),
              [](const TokenScore& a, const TokenScore& b) { return a.token < b.token; });
  }
  return tokens;
}

std::vector<std::size_t> draw_without_replacement(std::span<const float> scores, std::size_t count,
                                                  const Draws& draws, std::uint64_t step) {
  count = std::min(count, scores.size());
  std::vector<std::size_t> drawn;
  if (count == 0) return drawn;
  const double max = static_cast<double>(*std::max_element(scores.begin(), scores.end()));
  std::vector<double> weights;
  weights.reserve(scores.size());
  for (const float score : scores)
    weights.push_back(weight_of(static_cast<double>(score), max));
  while (drawn.size() < count) {
    // Summed anew each time: taking the drawn weight off could leave nothing but rounding.
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    if (!(sum > 0)) break;
    const std::size_t index = find_weight(weights, draws.uniform(step, drawn.size()) * sum);
    weights[index] = 0;
    drawn.push_back(index);
  }
  if (drawn.size() == count) return drawn;
  std::vector<bool> taken(scores.size());
  for (const std::size_t index : drawn)
    taken[index] = true;
  std::vector<std::size_t> left;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!taken[i]) left.push_back(i);
  }
  std::stable_sort(left.begin(), left.end(),
                   [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  drawn.insert(drawn.end(), left.begin(), left.begin() + static_cast<std::ptrdiff_t>(count - drawn.size()));
  return drawn;
}

}  // namespace lpmc
