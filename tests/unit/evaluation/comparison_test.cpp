#include "lpmc/evaluation/comparison.h"

#include <cmath>
#include <limits>
#include <set>

#include <gtest/gtest.h>

#include "lpmc/base/error.h"
#include "lpmc/base/threads.h"

namespace lpmc {
namespace {

TEST(IncompleteBeta, EqualsClosedForms) {
  for (const double x : {0.0, 1e-9, 0.1, 0.5, 0.9, 0.999999, 1.0}) {
    EXPECT_NEAR(incomplete_beta(1, 1, x), x, 1e-14);
    EXPECT_NEAR(incomplete_beta(3, 1, x), x * x * x, 1e-14);
    EXPECT_NEAR(incomplete_beta(1, 4, x), 1 - std::pow(1 - x, 4), 1e-14);
    EXPECT_NEAR(incomplete_beta(0.5, 0.5, x), 2 / std::acos(-1.0) * std::asin(std::sqrt(x)), 1e-13);
    EXPECT_NEAR(incomplete_beta(2.5, 7, x) + incomplete_beta(7, 2.5, 1 - x), 1, 1e-13);
  }
  EXPECT_THROW(incomplete_beta(0, 1, 0.5), Error);
  EXPECT_THROW(incomplete_beta(1, 1, 1.5), Error);
}

TEST(PairedTTest, EqualsTablesOfStudentsDistribution) {
  // Two values: Cauchy, p = 1 - 2/pi atan(t). Differences 1 and 3: t = 2.
  const double pi = std::acos(-1.0);
  const TTest two = paired_t_test(std::vector<double>{1, 3}, std::vector<double>{0, 0});
  EXPECT_DOUBLE_EQ(two.t, 2);
  EXPECT_NEAR(two.p, 1 - 2 / pi * std::atan(2.0), 1e-14);
  // Three values: p = 1 - t / sqrt(t^2 + 2). Differences 1, 2, 3: t = 2 sqrt(3).
  const TTest three = paired_t_test(std::vector<double>{0, 0, 0}, std::vector<double>{1, 2, 3});
  EXPECT_NEAR(three.t, -2 * std::sqrt(3.0), 1e-14);
  EXPECT_NEAR(three.p, 1 - 2 * std::sqrt(3.0) / std::sqrt(14.0), 1e-14);
  EXPECT_EQ(three.degrees_of_freedom, 2);
}

TEST(PairedTTest, KnowsEqualAndConstantDifferences) {
  EXPECT_EQ(paired_t_test(std::vector<double>{1, 2}, std::vector<double>{1, 2}).p, 1);
  const TTest constant = paired_t_test(std::vector<double>{2, 3}, std::vector<double>{1, 2});
  EXPECT_EQ(constant.p, 0);
  EXPECT_EQ(constant.t, std::numeric_limits<double>::infinity());
  EXPECT_THROW(paired_t_test(std::vector<double>{1}, std::vector<double>{1}), Error);
  EXPECT_THROW(paired_t_test(std::vector<double>{1, 2}, std::vector<double>{1}), Error);
}

TEST(SignTest, EqualsTheBinomialSum) {
  EXPECT_EQ(sign_test(0, 0), 1);
  EXPECT_EQ(sign_test(4, 4), 1);
  EXPECT_NEAR(sign_test(5, 0), 2.0 / 32, 1e-15);
  EXPECT_NEAR(sign_test(1, 7), 2.0 * (1 + 8) / 256, 1e-15);
  EXPECT_EQ(sign_test(7, 1), sign_test(1, 7));
  EXPECT_THROW(sign_test(-1, 0), Error);
}

TEST(Wins, CountsEachSide) {
  const Wins wins = count_wins(std::vector<double>{1, 2, 3, 4}, std::vector<double>{1, 1, 4, 0});
  EXPECT_EQ(wins.first, 2U);
  EXPECT_EQ(wins.second, 1U);
  EXPECT_EQ(wins.ties, 1U);
}

TEST(Resamples, AreTheSameOnAnyNumberOfThreads) {
  const auto sums = [](std::uint32_t seed) {
    return Resamples(5, 200, seed).apply(2, [](auto indices, std::span<double> values) {
      for (const std::uint32_t index : indices)
        values[0] += index;
      values[1] = indices[0];
    });
  };
  set_num_threads(1);
  const auto one = sums(3);
  set_num_threads(4);
  EXPECT_EQ(sums(3), one);
  set_num_threads(0);
  EXPECT_NE(sums(4), one);
  EXPECT_EQ(one.at(0).size(), 200U);
  EXPECT_EQ(std::set<double>(one[1].begin(), one[1].end()), (std::set<double>{0, 1, 2, 3, 4}));
  EXPECT_THROW(Resamples(0, 1, 0), Error);
  EXPECT_THROW(Resamples(1, 0, 0), Error);
}

TEST(PairedBootstrap, CountsTheSideThatIsAhead) {
  const PairedBootstrap ahead = paired_bootstrap(1, {2, 1, 0, -1});
  EXPECT_EQ(ahead.first_better, 0.5);
  EXPECT_EQ(ahead.p, 0.5);
  EXPECT_EQ(paired_bootstrap(-1, {-2, -1, -3, 1}).p, 0.25);
  EXPECT_EQ(paired_bootstrap(0, {0, 0}).p, 1);
  const Interval interval = interval_95({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  EXPECT_DOUBLE_EQ(interval.low, 0.25);
  EXPECT_DOUBLE_EQ(interval.high, 9.75);
}

}  // namespace
}  // namespace lpmc
