#include "lpmc/generation/row_scores.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "lpmc/base/error.h"

namespace lpmc {
namespace {

// Loops over rows run in lanes without dependence on one another, so that the compiler may use
// vector registers while every result stays defined.
constexpr std::size_t kLanes = 16;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// exp(kLowest) is 1.6e-38, which no sum that has a 1 in it can tell from 0.
constexpr float kLowest = -87.0F;

/// exp(x), off by under 2 ulp. @pre kLowest <= x <= 0
inline float exp_of_negative(float x) {
  constexpr float kLog2E = 1.44269504F;
  constexpr float kLn2High = 0.693359375F;  // few bits, so that n * kLn2High is exact
  constexpr float kLn2Low = -2.12194440e-4F;
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to a whole number
  const float shifted = x * kLog2E + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * kLn2High) - n * kLn2Low;
  // Taylor coefficients; |r| <= ln(2)/2, the first left out is r^8/8! < 6e-9.
  float p = 1.0F / 5040.0F;
  p = p * r + 1.0F / 720.0F;
  p = p * r + 1.0F / 120.0F;
  p = p * r + 1.0F / 24.0F;
  p = p * r + 1.0F / 6.0F;
  p = p * r + 0.5F;
  p = p * r * r + r + 1.0F;
  // The low bits of `shifted` are n; adding them to the exponent multiplies by 2^n.
  const std::uint32_t n_bits = std::bit_cast<std::uint32_t>(shifted) << 23;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(p) + n_bits);
}

float max_of(const float* values, std::size_t size) {
  std::array<float, kLanes> lanes;
  lanes.fill(-kInfinity);
  std::size_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] = values[i + lane] > lanes[lane] ? values[i + lane] : lanes[lane];
    }
  }
  for (; i < size; ++i)
    lanes[0] = std::max(lanes[0], values[i]);
  return *std::max_element(lanes.begin(), lanes.end());
}

bool has_nan(std::span<const float> values) {
  std::array<std::uint32_t, kLanes> lanes{};
  std::size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float value = values[i + lane];
      lanes[lane] |= value != value ? 1U : 0U;
    }
  }
  for (; i < values.size(); ++i)
    lanes[0] |= std::isnan(values[i]) ? 1U : 0U;
  return std::any_of(lanes.begin(), lanes.end(), [](std::uint32_t lane) { return lane != 0; });
}

constexpr std::size_t kStretch = 1024;  // short enough for float32 sums

/// Sum of exp(value - max). @pre size <= kStretch
double sum_exp(const float* values, std::size_t size, float max) {
  std::array<float, kStretch> terms;
  // Two loops: with the bound in it the second has a branch that no compiler turns into lanes.
  for (std::size_t i = 0; i < size; ++i) {
    const float x = values[i] - max;
    terms[i] = x < kLowest ? kLowest : x;
  }
  for (std::size_t i = 0; i < size; ++i)
    terms[i] = exp_of_negative(terms[i]);
  std::array<float, kLanes> lanes{};
  std::size_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] += terms[i + lane];
  }
  double sum = 0;
  for (; i < size; ++i)
    sum += static_cast<double>(terms[i]);
  for (const float lane : lanes)
    sum += static_cast<double>(lane);
  return sum;
}

}  // namespace

float checked_max(std::span<const float> logits, std::int64_t row_index) {
  LPMC_REQUIRE(!has_nan(logits), invalid_argument, "logits: found NaN at row {}", row_index);
  const float max = max_of(logits.data(), logits.size());
  LPMC_REQUIRE(max < kInfinity, invalid_argument, "logits: found inf at row {}", row_index);
  LPMC_REQUIRE(max > -kInfinity, invalid_argument, "logits: found no finite value at row {}", row_index);
  return max;
}

float log_sum_exp(std::span<const float> logits, float max) {
  double sum = 0;
  for (std::size_t i = 0; i < logits.size(); i += kStretch) {
    sum += sum_exp(logits.data() + i, std::min(kStretch, logits.size() - i), max);
  }
  return std::log(static_cast<float>(sum));
}

void log_softmax(std::span<float> logits, std::int64_t row_index) {
  const float max = checked_max(logits, row_index);
  const float log_sum = log_sum_exp(logits, max);
  for (float& value : logits)
    value = (value - max) - log_sum;
}

void top_tokens(std::span<const float> scores, float add, std::size_t k, std::vector<TokenScore>& top) {
  constexpr std::size_t kBlock = 64;
  k = std::min(k, scores.size());
  top.clear();
  if (k == 0) return;
  for (std::size_t begin = 0; begin < scores.size(); begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, scores.size());
    // Rounding keeps order: no score of the block is over this one.
    const float highest = max_of(scores.data() + begin, end - begin) + add;
    if (top.size() == k && !(highest > top.back().score)) continue;
    for (std::size_t i = begin; i < end; ++i) {
      const float score = scores[i] + add;
      if (top.size() == k) {
        if (!(score > top.back().score)) continue;
        top.pop_back();
      }
      const auto after = std::upper_bound(top.begin(), top.end(), score,
                                          [](float s, const TokenScore& other) { return s > other.score; });
      top.insert(after, TokenScore{score, static_cast<std::int32_t>(i)});
    }
  }
}

}  // namespace lpmc
