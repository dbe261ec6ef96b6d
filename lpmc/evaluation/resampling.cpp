#include "lpmc/evaluation/resampling.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "lpmc/base/error.h"

namespace lpmc {

double ordered_sum(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  // Neumaier's compensated sum: thousands of values of one size lose no digits.
  double sum = 0, lost = 0;
  for (const double value : sorted) {
    const double next = sum + value;
    lost += std::abs(sum) >= std::abs(value) ? (sum - next) + value : (value - next) + sum;
    sum = next;
  }
  return sum + lost;
}

double ordered_mean(std::span<const double> values) {
  return values.empty() ? 0 : ordered_sum(values) / static_cast<double>(values.size());
}

NumpyChoice::NumpyChoice(std::uint32_t seed, std::uint32_t count) : random_(seed), last_(count - 1) {
  LPMC_REQUIRE(count > 0, invalid_argument, "resampling: expected at least one value, found none");
  const int bits = std::bit_width(last_);
  mask_ = bits == 0 ? 0 : ~std::uint32_t{0} >> (32 - bits);
}

std::uint32_t NumpyChoice::operator()() {
  if (last_ == 0) return 0;
  for (;;) {
    const std::uint32_t index = static_cast<std::uint32_t>(random_()) & mask_;
    if (index <= last_) return index;
  }
}

double percentile(std::span<const double> sorted, double q) {
  LPMC_REQUIRE(!sorted.empty(), invalid_argument, "percentile: expected at least one value, found none");
  LPMC_REQUIRE(q >= 0 && q <= 100, invalid_argument, "percentile: expected 0 to 100, found {}", q);
  const double position = q / 100 * static_cast<double>(sorted.size() - 1);
  const std::size_t below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double part = position - static_cast<double>(below);
  const double step = sorted[above] - sorted[below];
  // numpy's own rounding: from the nearer end.
  return part < 0.5 ? sorted[below] + step * part : sorted[above] - step * (1 - part);
}

BootstrapInterval bootstrap_mean(std::span<const double> values, std::uint32_t seed, int replicas,
                                 double confidence) {
  LPMC_REQUIRE(!values.empty() && values.size() <= std::uint32_t{0xFFFFFFFF}, invalid_argument,
               "bootstrap: expected 1 to {} values, found {}", std::uint32_t{0xFFFFFFFF}, values.size());
  LPMC_REQUIRE(replicas > 0, invalid_argument, "bootstrap: expected at least one replica, found {}",
               replicas);
  LPMC_REQUIRE(confidence > 0 && confidence < 1, invalid_argument,
               "bootstrap: confidence: expected over 0 and under 1, found {}", confidence);
  NumpyChoice choice(seed, static_cast<std::uint32_t>(values.size()));
  std::vector<double> means(static_cast<std::size_t>(replicas));
  for (double& mean : means) {
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i)
      sum += values[choice()];
    mean = sum / static_cast<double>(values.size());
  }
  std::sort(means.begin(), means.end());
  const double tail = (1 - confidence) / 2 * 100;
  return {percentile(means, tail), percentile(means, 50), percentile(means, 100 - tail)};
}

}  // namespace lpmc
