#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace lpmc {

// How certain numbers and their differences are.

/// I_x(a, b), the regularised incomplete beta function, within 1e-13 of the exact value.
/// @throws Error(invalid_argument) when a or b is not above 0 or x not in [0, 1]
double incomplete_beta(double a, double b, double x);

struct TTest {
  double t = 0;  ///< 0 where all differences are 0; infinite where all are the same other number
  double degrees_of_freedom = 0;
  double p = 1;  ///< two-sided
};

/// Student's paired t-test of first - second.
/// @throws Error(invalid_argument) when the sides differ in length or have fewer than two values
TTest paired_t_test(std::span<const double> first, std::span<const double> second);

/// Two-sided exact sign test: how likely so uneven a split of wins is when both sides are as good. Draws do
/// not count. 1 where there are no wins.
double sign_test(std::int64_t wins, std::int64_t losses);

struct Wins {
  std::size_t first = 0, second = 0, ties = 0;
};
Wins count_wins(std::span<const double> first, std::span<const double> second);

/// Sets of indices drawn with replacement, the same for all numbers that are resampled, so that two systems
/// meet the same clips. Each replica has a generator of its own (std::mt19937 of the seed and the replica's
/// number), so that the number of threads changes nothing; memory does not grow with their number.
class Resamples {
 public:
  /// Writes one replica's values, one a number.
  using Statistics = std::function<void(std::span<const std::uint32_t> indices, std::span<double> values)>;

  /// @throws Error(invalid_argument) when count is 0 or over 2^32 - 1, or replicas is under 1
  Resamples(std::size_t count, int replicas, std::uint32_t seed);

  /// @param width how many values `statistics` writes
  /// @return [width][replicas]
  std::vector<std::vector<double>> apply(std::size_t width, const Statistics& statistics) const;

 private:
  std::uint32_t count_;
  std::size_t replicas_;
  std::uint32_t seed_;
};

struct Interval {
  double low = 0, high = 0;
};

/// The middle 95 % of replicas.   @param replicas not empty
Interval interval_95(std::vector<double> replicas);

/// Paired bootstrap of the difference first - second.
struct PairedBootstrap {
  double difference = 0;
  Interval interval;
  double first_better = 0;   ///< share of replicas in which first > second
  double p = 1;              ///< one-sided, of the side that is ahead: 1 - share of replicas in which it is
  std::size_t replicas = 0;  ///< p is known to 1 / replicas only
};
/// @param differences of all replicas
PairedBootstrap paired_bootstrap(double difference, std::vector<double> differences);

}  // namespace lpmc
