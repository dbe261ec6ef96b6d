#include "lpmc/evaluation/comparison.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "lpmc/base/error.h"
#include "lpmc/base/threads.h"
#include "lpmc/evaluation/resampling.h"

namespace lpmc {
namespace {

/// The continued fraction of I_x(a, b) by Lentz's method; converges fast for x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300, kEnough = 1e-16;
  constexpr int kMostSteps = 100'000;  // about the square root of the larger parameter is needed
  const auto guarded = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double c = 1;
  double d = 1 / guarded(1 - (a + b) * x / (a + 1));
  double value = d;
  for (int step = 1; step <= kMostSteps; ++step) {
    const double m = step;
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guarded(1 + even * d);
    c = guarded(1 + even / c);
    value *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guarded(1 + odd * d);
    c = guarded(1 + odd / c);
    value *= d * c;
    if (std::abs(d * c - 1) < kEnough) break;
  }
  return value;
}

}  // namespace

double incomplete_beta(double a, double b, double x) {
  LPMC_REQUIRE(a > 0 && b > 0 && x >= 0 && x <= 1, invalid_argument,
               "incomplete beta function: expected a > 0, b > 0, x from 0 to 1, found {}, {}, {}", a, b, x);
  if (x == 0 || x == 1) return x;
  const double log_front =
      std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x);
  const double front = std::exp(log_front);
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

TTest paired_t_test(std::span<const double> first, std::span<const double> second) {
  LPMC_REQUIRE(first.size() == second.size() && first.size() >= 2, invalid_argument,
               "paired t-test: expected two equally long lists of at least two values, found {} and {}",
               first.size(), second.size());
  const auto n = static_cast<double>(first.size());
  std::vector<double> differences, squares;
  for (std::size_t i = 0; i < first.size(); ++i)
    differences.push_back(first[i] - second[i]);
  const double mean = ordered_mean(differences);
  for (const double difference : differences)
    squares.push_back((difference - mean) * (difference - mean));
  const double error = std::sqrt(ordered_sum(squares) / (n - 1) / n);
  TTest test;
  test.degrees_of_freedom = n - 1;
  if (mean == 0) return test;
  if (error == 0) {
    test.t = std::copysign(std::numeric_limits<double>::infinity(), mean);
    test.p = 0;
    return test;
  }
  test.t = mean / error;
  test.p = incomplete_beta((n - 1) / 2, 0.5, (n - 1) / (n - 1 + test.t * test.t));
  return test;
}

double sign_test(std::int64_t wins, std::int64_t losses) {
  LPMC_REQUIRE(wins >= 0 && losses >= 0, invalid_argument, "sign test: expected counts, found {} and {}",
               wins, losses);
  const std::int64_t fewer = std::min(wins, losses), total = wins + losses;
  if (wins == losses) return 1;
  // P(X <= fewer) of a fair coin is I_{1/2}(total - fewer, fewer + 1).
  const double tail =
      incomplete_beta(static_cast<double>(total - fewer), static_cast<double>(fewer + 1), 0.5);
  return std::min(1.0, 2 * tail);
}

Wins count_wins(std::span<const double> first, std::span<const double> second) {
  LPMC_REQUIRE(first.size() == second.size(), invalid_argument,
               "wins: expected two equally long lists, found {} and {}", first.size(), second.size());
  Wins wins;
  for (std::size_t i = 0; i < first.size(); ++i)
    ++(first[i] > second[i] ? wins.first : first[i] < second[i] ? wins.second : wins.ties);
  return wins;
}

Resamples::Resamples(std::size_t count, int replicas, std::uint32_t seed)
    : count_(static_cast<std::uint32_t>(count)),
      replicas_(static_cast<std::size_t>(std::max(replicas, 0))),
      seed_(seed) {
  LPMC_REQUIRE(count >= 1 && count <= std::numeric_limits<std::uint32_t>::max(), invalid_argument,
               "bootstrap: expected 1 to {} clips, found {}", std::numeric_limits<std::uint32_t>::max(),
               count);
  LPMC_REQUIRE(replicas >= 1, invalid_argument, "bootstrap: expected at least one replica, found {}",
               replicas);
}

std::vector<std::vector<double>> Resamples::apply(std::size_t width, const Statistics& statistics) const {
  std::vector<std::vector<double>> values(width, std::vector<double>(replicas_));
  const auto mask = static_cast<std::uint32_t>(std::bit_ceil(std::uint64_t{count_}) - 1);
  parallel_for(static_cast<std::int64_t>(replicas_), [&](std::int64_t replica) {
    std::seed_seq seeds{seed_, static_cast<std::uint32_t>(replica)};
    std::mt19937 random(seeds);
    std::vector<std::uint32_t> indices(count_);
    for (std::uint32_t& index : indices) {
      do {
        index = static_cast<std::uint32_t>(random()) & mask;
      } while (index >= count_);
    }
    std::vector<double> one(width);
    statistics(indices, one);
    for (std::size_t i = 0; i < width; ++i)
      values[i][static_cast<std::size_t>(replica)] = one[i];
  });
  return values;
}

Interval interval_95(std::vector<double> replicas) {
  std::sort(replicas.begin(), replicas.end());
  return {percentile(replicas, 2.5), percentile(replicas, 97.5)};
}

PairedBootstrap paired_bootstrap(double difference, std::vector<double> differences) {
  LPMC_REQUIRE(!differences.empty(), invalid_argument, "paired bootstrap: expected replicas, found none");
  const auto share = [&](auto&& is_counted) {
    return static_cast<double>(std::count_if(differences.begin(), differences.end(), is_counted)) /
           static_cast<double>(differences.size());
  };
  PairedBootstrap result;
  result.difference = difference;
  result.replicas = differences.size();
  result.first_better = share([](double value) { return value > 0; });
  result.p = difference == 0  ? 1
             : difference > 0 ? 1 - result.first_better
                              : 1 - share([](double value) { return value < 0; });
  result.interval = interval_95(std::move(differences));
  return result;
}

}  // namespace lpmc
