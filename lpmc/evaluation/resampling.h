#pragma once

#include <cstdint>
#include <random>
#include <span>

namespace lpmc {

/// Sum and mean that do not depend on the order of the values: added from the smallest up.
double ordered_sum(std::span<const double> values);
double ordered_mean(std::span<const double> values);  ///< 0 of no values

/// Draws with replacement, the same numbers as numpy.random.RandomState(seed).choice(n).
class NumpyChoice {
 public:
  /// @throws Error(invalid_argument) when `count` is 0
  NumpyChoice(std::uint32_t seed, std::uint32_t count);
  /// The next index in [0, count). For count 1 no random number is used up.
  std::uint32_t operator()();

 private:
  std::mt19937 random_;
  std::uint32_t last_;
  std::uint32_t mask_;
};

/// The q-th percentile by linear interpolation, as numpy.percentile's default.
/// @param sorted ascending, not empty
/// @param q 0 to 100
double percentile(std::span<const double> sorted, double q);

struct BootstrapInterval {
  double low = 0;
  double mid = 0;
  double high = 0;
};

/// Percentiles of the means of `replicas` resamples of `values`, repeatable by the seed.
/// @param values not empty
/// @param confidence share of the means between low and high, over 0 and under 1
/// Source: rouge_score 0.1.2, BootstrapAggregator, on RandomState(seed).
BootstrapInterval bootstrap_mean(std::span<const double> values, std::uint32_t seed, int replicas = 1000,
                                 double confidence = 0.95);

}  // namespace lpmc
