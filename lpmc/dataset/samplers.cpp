#include "lpmc/dataset/samplers.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "lpmc/base/error.h"

namespace lpmc {
namespace {

/// Steps of splitmix64 (Steele, Lea, Flood 2014); its increment and its mixing.
constexpr std::uint64_t kIncrement = 0x9E3779B97F4A7C15;

constexpr std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

constexpr std::uint64_t absorb(std::uint64_t state, std::uint64_t value) {
  return mix(state + kIncrement + mix(value + kIncrement));
}

/// 128 bits of a product, as two halves.
struct Product {
  std::uint64_t high, low;
};

Product multiply(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return {static_cast<std::uint64_t>(product >> 64), static_cast<std::uint64_t>(product)};
}

class ShuffleSampler final : public Sampler {
 public:
  ShuffleSampler(std::size_t items, std::uint64_t seed)
      : items_(items), seed_(seed), rounds_(kRoundsPerBit * std::bit_width(std::uint64_t{items}) + 16) {
    LPMC_REQUIRE(items > 0, invalid_argument, "sampler: expected at least one item, found none");
  }

  std::size_t item(std::uint64_t n) const override {
    const std::uint64_t key = absorb(absorb(seed_, kPurpose), n / items_);
    std::uint64_t place = n % items_;
    for (std::uint64_t round = 0; round < rounds_; ++round) {
      const std::uint64_t round_key = absorb(key, round);
      const std::uint64_t pivot = multiply(round_key, items_).high;
      const std::uint64_t partner = pivot >= place ? pivot - place : pivot + items_ - place;
      // Both of a pair see the same bit, so they change places or stay: each round is a permutation.
      if ((mix(round_key ^ (std::max(place, partner) * kIncrement)) & 1) != 0) place = partner;
    }
    return place;
  }

  std::uint64_t epoch_samples() const override { return items_; }

 private:
  static constexpr std::uint64_t kPurpose = 1;       // apart from other streams of the same seed
  static constexpr std::uint64_t kRoundsPerBit = 6;  // as the paper's proof asks for

  std::uint64_t items_;
  std::uint64_t seed_;
  std::uint64_t rounds_;
};

class TagBalancedSampler final : public Sampler {
 public:
  TagBalancedSampler(const std::vector<std::vector<std::string>>& tags, std::uint64_t seed,
                     std::uint64_t epoch_samples)
      : seed_(seed), epoch_samples_(epoch_samples) {
    LPMC_REQUIRE(tags.size() <= std::numeric_limits<std::uint32_t>::max(), invalid_argument,
                 "sampler: expected at most {} items, found {}", std::numeric_limits<std::uint32_t>::max(),
                 tags.size());
    LPMC_REQUIRE(epoch_samples > 0, invalid_argument, "sampler: expected an epoch of samples, found 0");
    std::unordered_map<std::string_view, std::size_t> number_of;
    for (const auto& own : tags) {
      for (const std::string& tag : own)
        number_of.emplace(tag, 0);
    }
    LPMC_REQUIRE(!number_of.empty(), invalid_argument,
                 "tag-balanced sampler: expected items with tags, found {} items, none with a tag",
                 tags.size());
    std::vector<std::string_view> names;
    for (const auto& [name, number] : number_of)
      names.push_back(name);
    std::sort(names.begin(), names.end());
    for (std::size_t i = 0; i < names.size(); ++i)
      number_of[names[i]] = i;
    index(tags, number_of);
  }

  std::size_t item(std::uint64_t n) const override {
    CounterRandom random(seed_, n, kPurpose);
    const std::size_t tag = random.below(begin_.size() - 1);
    return items_[begin_[tag] + random.below(begin_[tag + 1] - begin_[tag])];
  }

  std::uint64_t epoch_samples() const override { return epoch_samples_; }

 private:
  static constexpr std::uint64_t kPurpose = 2;

  /// Lists the items of each tag one after the other.
  void index(const std::vector<std::vector<std::string>>& tags,
             const std::unordered_map<std::string_view, std::size_t>& number_of) {
    std::vector<std::size_t> own;
    const auto numbers_of = [&](std::size_t item) {
      own.clear();
      for (const std::string& tag : tags[item])
        own.push_back(number_of.at(tag));
      std::sort(own.begin(), own.end());
      own.erase(std::unique(own.begin(), own.end()), own.end());
    };
    begin_.assign(number_of.size() + 1, 0);
    for (std::size_t item = 0; item < tags.size(); ++item) {
      numbers_of(item);
      for (const std::size_t tag : own)
        ++begin_[tag + 1];
    }
    for (std::size_t tag = 0; tag < number_of.size(); ++tag)
      begin_[tag + 1] += begin_[tag];
    items_.resize(begin_.back());
    std::vector<std::size_t> next(begin_.begin(), begin_.end() - 1);
    for (std::size_t item = 0; item < tags.size(); ++item) {
      numbers_of(item);
      for (const std::size_t tag : own)
        items_[next[tag]++] = static_cast<std::uint32_t>(item);
    }
  }

  std::uint64_t seed_;
  std::uint64_t epoch_samples_;
  std::vector<std::size_t> begin_;    // [tags + 1] into items_
  std::vector<std::uint32_t> items_;  // the items of tag 0, of tag 1, ...
};

}  // namespace

CounterRandom::CounterRandom(std::uint64_t seed, std::uint64_t a, std::uint64_t b)
    : state_(absorb(absorb(absorb(0, seed), a), b)) {}

std::uint64_t CounterRandom::next() {
  state_ += kIncrement;
  return mix(state_);
}

double CounterRandom::uniform() {
  return static_cast<double>(next() >> 11) * 0x1p-53;
}

std::uint64_t CounterRandom::below(std::uint64_t n) {
  LPMC_REQUIRE(n > 0, invalid_argument, "random number: expected a range of at least 1, found 0");
  // Lemire, "Fast Random Integer Generation in an Interval" (2019): no bias, and hardly ever a second draw.
  Product product = multiply(next(), n);
  if (product.low < n) {
    const std::uint64_t threshold = (0 - n) % n;
    while (product.low < threshold)
      product = multiply(next(), n);
  }
  return product.high;
}

double CounterRandom::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));  // 1 - u lies in (0, 1]
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

std::unique_ptr<Sampler> make_shuffle_sampler(std::size_t items, std::uint64_t seed) {
  return std::make_unique<ShuffleSampler>(items, seed);
}

std::unique_ptr<Sampler> make_tag_balanced_sampler(const std::vector<std::vector<std::string>>& tags,
                                                   std::uint64_t seed, std::uint64_t epoch_samples) {
  return std::make_unique<TagBalancedSampler>(tags, seed, epoch_samples);
}

}  // namespace lpmc
