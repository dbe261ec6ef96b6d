#include "lpmc/generation/row_scores.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "lpmc/base/error.h"
#include "lpmc/generation/row_kernels.h"

namespace lpmc {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// In lanes without dependence on one another, so that the compiler may use vector registers.
bool has_nan(std::span<const float> values) {
  constexpr std::size_t kLanes = 16;
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

}  // namespace

float checked_max(std::span<const float> logits, std::int64_t row_index) {
  LPMC_REQUIRE(!has_nan(logits), invalid_argument, "logits: found NaN at row {}", row_index);
  float max = -kInfinity;
  std::array<float, row_kernels::kBlocks> maxima;
  for (std::size_t i = 0; i < logits.size(); i += row_kernels::kStretch) {
    const auto size = std::min<std::size_t>(row_kernels::kStretch, logits.size() - i);
    max = std::max(max, row_kernels::best().block_maxima(logits.data() + i, size, maxima.data()));
  }
  LPMC_REQUIRE(max < kInfinity, invalid_argument, "logits: found inf at row {}", row_index);
  LPMC_REQUIRE(max > -kInfinity, invalid_argument, "logits: found no finite value at row {}", row_index);
  return max;
}

float log_sum_exp(std::span<const float> logits, float max) {
  double sum = 0;
  for (std::size_t i = 0; i < logits.size(); i += row_kernels::kStretch) {
    const auto size = std::min<std::size_t>(row_kernels::kStretch, logits.size() - i);
    sum += row_kernels::best().sum_exp(logits.data() + i, size, max);
  }
  return std::log(static_cast<float>(sum));
}

void log_softmax(std::span<float> logits, std::int64_t row_index) {
  const float max = checked_max(logits, row_index);
  const LogSoftmax log_probability{max, log_sum_exp(logits, max)};
  for (float& value : logits)
    value = log_probability(value);
}

void keep_best(TokenScore token, std::size_t k, std::vector<TokenScore>& best) {
  const auto comes_first = [](const TokenScore& a, const TokenScore& b) {
    return a.score != b.score ? a.score > b.score : a.token < b.token;
  };
  if (best.size() == k) {
    if (!comes_first(token, best.back())) return;
    best.pop_back();
  }
  best.insert(std::upper_bound(best.begin(), best.end(), token, comes_first), token);
}

}  // namespace lpmc
