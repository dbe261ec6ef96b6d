#include "lpmc/dataset/samplers.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/matchers.h"

namespace lpmc {
namespace {

using test::ThrowsLpmc;

/// Pearson's statistic of counts against expected counts.
double chi_square(const std::vector<double>& counts, const std::vector<double>& expected) {
  double sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i)
    sum += (counts[i] - expected[i]) * (counts[i] - expected[i]) / expected[i];
  return sum;
}

/// Five standard deviations above the mean of the statistic; the seeds are fixed, so this passes or fails for
/// good.
double limit(double degrees) {
  return degrees + 5 * std::sqrt(2 * degrees);
}

std::vector<std::size_t> epoch_of(const Sampler& sampler, std::uint64_t epoch) {
  std::vector<std::size_t> items;
  for (std::uint64_t n = 0; n < sampler.epoch_samples(); ++n)
    items.push_back(sampler.item(epoch * sampler.epoch_samples() + n));
  return items;
}

bool is_permutation_of_all(std::vector<std::size_t> items) {
  std::sort(items.begin(), items.end());
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i] != i) return false;
  }
  return true;
}

TEST(CounterRandom, IsAFunctionOfItsKeys) {
  std::set<std::uint64_t> firsts;
  for (const std::uint64_t seed : {0U, 1U, 2U}) {
    for (const std::uint64_t a : {0U, 1U, 2U}) {
      for (const std::uint64_t b : {0U, 1U, 2U})
        firsts.insert(CounterRandom(seed, a, b).next());
    }
  }
  EXPECT_EQ(firsts.size(), 27U);
  CounterRandom one(7, 8, 9), other(7, 8, 9);
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(one.next(), other.next());
}

TEST(CounterRandom, BelowIsUniformAlsoForTheFirstNumberOfManyStreams) {
  constexpr std::size_t kCells = 10, kDraws = 100000;
  std::vector<double> of_one(kCells), of_many(kCells);
  CounterRandom random(3, 4);
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    ++of_one[random.below(kCells)];
    ++of_many[CounterRandom(3, i).below(kCells)];
  }
  const std::vector<double> expected(kCells, static_cast<double>(kDraws) / kCells);
  EXPECT_LT(chi_square(of_one, expected), limit(kCells - 1));
  EXPECT_LT(chi_square(of_many, expected), limit(kCells - 1));
  EXPECT_EQ(random.below(1), 0U);
  EXPECT_THAT([&] { random.below(0); }, ThrowsLpmc(ErrorKind::invalid_argument, "found 0"));
}

TEST(CounterRandom, UniformAndNormalHaveTheirMoments) {
  constexpr int kDraws = 100000;
  CounterRandom random(5, 6);
  double uniform_sum = 0, sum = 0, squares = 0, fourths = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double u = random.uniform();
    ASSERT_TRUE(u >= 0 && u < 1);
    uniform_sum += u;
    const double x = random.normal();
    sum += x;
    squares += x * x;
    fourths += x * x * x * x;
  }
  // Five standard errors of the means.
  const double error = 5 / std::sqrt(kDraws);
  EXPECT_NEAR(uniform_sum / kDraws, 0.5, error * std::sqrt(1.0 / 12));
  EXPECT_NEAR(sum / kDraws, 0, error);
  EXPECT_NEAR(squares / kDraws, 1, error * std::sqrt(2.0));
  EXPECT_NEAR(fourths / kDraws, 3, error * std::sqrt(96.0));
}

TEST(ShuffleSampler, EveryEpochHasEveryItemOnce) {
  for (std::size_t items = 1; items <= 40; ++items) {
    const auto sampler = make_shuffle_sampler(items, 11);
    EXPECT_EQ(sampler->epoch_samples(), items);
    for (std::uint64_t epoch = 0; epoch < 5; ++epoch)
      ASSERT_TRUE(is_permutation_of_all(epoch_of(*sampler, epoch))) << items << " items, epoch " << epoch;
  }
  for (const std::size_t items : {255U, 256U, 257U, 50021U}) {
    const auto sampler = make_shuffle_sampler(items, 12);
    ASSERT_TRUE(is_permutation_of_all(epoch_of(*sampler, 3))) << items;
  }
}

TEST(ShuffleSampler, IsAFunctionOfItemsSeedAndNumber) {
  const auto sampler = make_shuffle_sampler(1000, 1);
  const auto same = make_shuffle_sampler(1000, 1);
  const auto other = make_shuffle_sampler(1000, 2);
  const std::vector<std::size_t> first = epoch_of(*sampler, 0);
  EXPECT_EQ(epoch_of(*same, 0), first);
  EXPECT_EQ(same->item(1234567), sampler->item(1234567));
  // Two random orders of 1,000 agree in one place on average; in 12 with a chance of 10^-9.
  const auto agreements = [&](const std::vector<std::size_t>& order) {
    int count = 0;
    for (std::size_t i = 0; i < order.size(); ++i)
      count += order[i] == first[i] ? 1 : 0;
    return count;
  };
  EXPECT_LT(agreements(epoch_of(*other, 0)), 12);
  EXPECT_LT(agreements(epoch_of(*sampler, 1)), 12);
}

TEST(ShuffleSampler, OrdersOfFewItemsAreEquallyFrequent) {
  const auto sampler = make_shuffle_sampler(4, 99);
  constexpr int kEpochs = 24000;
  std::map<std::vector<std::size_t>, double> orders;
  for (int epoch = 0; epoch < kEpochs; ++epoch)
    ++orders[epoch_of(*sampler, static_cast<std::uint64_t>(epoch))];
  ASSERT_EQ(orders.size(), 24U);
  std::vector<double> counts;
  for (const auto& [order, count] : orders)
    counts.push_back(count);
  EXPECT_LT(chi_square(counts, std::vector<double>(24, kEpochs / 24.0)), limit(23));
}

TEST(ShuffleSampler, EveryItemComesAtEveryPlaceAndAfterEveryOther) {
  constexpr std::size_t kItems = 37;
  constexpr std::uint64_t kEpochs = 4000;
  const auto sampler = make_shuffle_sampler(kItems, 5);
  std::vector<double> places(kItems), successors(kItems);
  for (std::uint64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const std::vector<std::size_t> order = epoch_of(*sampler, epoch);
    const auto place = static_cast<std::size_t>(std::find(order.begin(), order.end(), 17U) - order.begin());
    ++places[place];
    if (place + 1 < kItems) ++successors[order[place + 1]];
  }
  EXPECT_LT(chi_square(places, std::vector<double>(kItems, kEpochs / double{kItems})), limit(kItems - 1));
  successors.erase(successors.begin() + 17);
  const double followed = std::accumulate(successors.begin(), successors.end(), 0.0);
  EXPECT_LT(chi_square(successors, std::vector<double>(kItems - 1, followed / (kItems - 1))),
            limit(kItems - 2));
}

TEST(ShuffleSampler, NeedsItems) {
  EXPECT_THAT([] { make_shuffle_sampler(0, 1); }, ThrowsLpmc(ErrorKind::invalid_argument, "found none"));
}

TEST(TagBalancedSampler, DrawsATagUniformlyThenATrackUniformly) {
  // "rare" has one track, "common" four, "pair" two, of which one is "common", too.
  const std::vector<std::vector<std::string>> tags = {{"common"},         {"common", "pair"}, {"common"},
                                                      {"rare", "common"}, {"pair"},           {}};
  const auto sampler = make_tag_balanced_sampler(tags, 21, 1000);
  EXPECT_EQ(sampler->epoch_samples(), 1000U);
  constexpr double kDraws = 60000;
  std::vector<double> counts(tags.size());
  for (std::uint64_t n = 0; n < static_cast<std::uint64_t>(kDraws); ++n)
    ++counts[sampler->item(n)];
  EXPECT_EQ(counts[5], 0);
  counts.pop_back();
  std::vector<double> expected;
  for (const double share : {1.0 / 4, 1.0 / 4 + 1.0 / 2, 1.0 / 4, 1.0 + 1.0 / 4, 1.0 / 2})
    expected.push_back(kDraws / 3 * share);
  EXPECT_LT(chi_square(counts, expected), limit(4));
}

TEST(TagBalancedSampler, ATagThatStandsTwiceCountsOnceAndOrderDoesNotMatter) {
  const auto sampler = make_tag_balanced_sampler({{"a", "b"}, {"b"}, {"c"}}, 3, 10);
  const auto other = make_tag_balanced_sampler({{"b", "a", "b"}, {"b", "b"}, {"c"}}, 3, 10);
  for (std::uint64_t n = 0; n < 1000; ++n)
    ASSERT_EQ(sampler->item(n), other->item(n));
}

TEST(TagBalancedSampler, NeighbouringDrawsAreIndependent) {
  const auto sampler = make_tag_balanced_sampler({{"a"}, {"b"}, {"c"}}, 8, 10);
  std::vector<double> pairs(9);
  for (std::uint64_t n = 0; n < 90000; ++n)
    ++pairs[sampler->item(n) * 3 + sampler->item(n + 1)];
  EXPECT_LT(chi_square(pairs, std::vector<double>(9, 10000)), limit(8));
}

TEST(TagBalancedSampler, NeedsATagAndAnEpoch) {
  EXPECT_THAT(
      [] {
        make_tag_balanced_sampler({{}, {}}, 1, 10);
      },
      ThrowsLpmc(ErrorKind::invalid_argument, "found 2 items, none with a tag"));
  EXPECT_THAT([] { make_tag_balanced_sampler({{"a"}}, 1, 0); },
              ThrowsLpmc(ErrorKind::invalid_argument, "found 0"));
}

}  // namespace
}  // namespace lpmc
