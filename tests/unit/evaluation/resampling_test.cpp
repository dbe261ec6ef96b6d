#include "lpmc/evaluation/resampling.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include <gmock/gmock.h>

#include "lpmc/base/error.h"

namespace lpmc {
namespace {

using testing::ElementsAre;

TEST(NumpyChoice, DrawsWhatNumpyDraws) {
  // numpy.random.RandomState(0).choice(4, 10)
  NumpyChoice choice(0, 4);
  std::vector<std::uint32_t> drawn;
  for (int i = 0; i < 10; ++i)
    drawn.push_back(choice());
  EXPECT_THAT(drawn, ElementsAre(0, 3, 1, 0, 3, 3, 3, 3, 1, 3));
}

TEST(NumpyChoice, DrawsEveryIndexAndNoOther) {
  for (const std::uint32_t count : {1U, 2U, 3U, 64U, 65U, 100U}) {
    NumpyChoice choice(7, count);
    std::vector<bool> seen(count);
    for (int i = 0; i < 5000; ++i)
      seen.at(choice()) = true;
    EXPECT_EQ(std::count(seen.begin(), seen.end(), true), count);
  }
  EXPECT_THROW(NumpyChoice(0, 0), Error);
}

TEST(OrderedMean, DoesNotDependOnTheOrder) {
  std::mt19937 random(1);
  std::vector<double> values;
  for (int i = 0; i < 2839; ++i)
    values.push_back(std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 60) - 62));
  const double mean = ordered_mean(values);
  for (int i = 0; i < 20; ++i) {
    std::shuffle(values.begin(), values.end(), random);
    EXPECT_EQ(ordered_mean(values), mean);
  }
}

TEST(OrderedMean, LosesNoSmallValues) {
  EXPECT_EQ(ordered_sum(std::vector<double>{1e100, 1, -1e100}), 1);
  EXPECT_EQ(ordered_mean(std::vector<double>{}), 0);
}

TEST(Percentile, InterpolatesLinearly) {
  const std::vector<double> values{1, 2, 4, 8};
  EXPECT_EQ(percentile(values, 0), 1);
  EXPECT_EQ(percentile(values, 50), 3);
  EXPECT_EQ(percentile(values, 100), 8);
  EXPECT_DOUBLE_EQ(percentile(values, 90), 6.8);
  EXPECT_EQ(percentile(std::vector<double>{5}, 30), 5);
  EXPECT_THROW(percentile(std::vector<double>{}, 50), Error);
  EXPECT_THROW(percentile(values, 101), Error);
}

TEST(BootstrapMean, IsRepeatableAndOrdered) {
  std::vector<double> values;
  for (int i = 0; i < 50; ++i)
    values.push_back(i % 7);
  const BootstrapInterval first = bootstrap_mean(values, 3), again = bootstrap_mean(values, 3);
  EXPECT_EQ(first.low, again.low);
  EXPECT_EQ(first.mid, again.mid);
  EXPECT_EQ(first.high, again.high);
  EXPECT_LT(first.low, first.mid);
  EXPECT_LT(first.mid, first.high);
  EXPECT_NE(bootstrap_mean(values, 4).low, first.low);
  EXPECT_NEAR(first.mid, ordered_mean(values), 0.1);
  EXPECT_LT(bootstrap_mean(values, 3, 1000, 0.5).high, first.high);
}

TEST(BootstrapMean, OfOneValueIsThatValue) {
  const BootstrapInterval interval = bootstrap_mean(std::vector<double>{0.25}, 0);
  EXPECT_EQ(interval.low, 0.25);
  EXPECT_EQ(interval.high, 0.25);
}

TEST(BootstrapMean, RefusesNonsense) {
  EXPECT_THROW(bootstrap_mean(std::vector<double>{}, 0), Error);
  EXPECT_THROW(bootstrap_mean(std::vector<double>{1}, 0, 0), Error);
  EXPECT_THROW(bootstrap_mean(std::vector<double>{1}, 0, 10, 1), Error);
}

}  // namespace
}  // namespace lpmc
