#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace lpmc {

/// Numbers that follow from what they are for, not from how many were drawn before: a run that is resumed,
/// loads ahead with several threads or is spread over several processes draws the same ones.
class CounterRandom {
 public:
  /// A stream for (seed, a, b, ...): e.g. the seed of a run, the number of a sample, the purpose.
  CounterRandom(std::uint64_t seed, std::uint64_t a, std::uint64_t b = 0);
  std::uint64_t next();
  /// Uniform in [0, 1), 53 bits.
  double uniform();
  /// Uniform in [0, n).
  std::uint64_t below(std::uint64_t n);
  /// Standard normal.
  double normal();

 private:
  std::uint64_t state_;
};

/// Which item of the data set is the n-th sample of a training run. Stateless: item(n) is a function of
/// (data set, seed, n) alone.
class Sampler {
 public:
  virtual ~Sampler() = default;
  /// @param n 0-based number of the sample since the start of the run
  /// @return index of an item; const and safe from several threads
  virtual std::size_t item(std::uint64_t n) const = 0;
  /// Samples of one epoch.
  virtual std::uint64_t epoch_samples() const = 0;
};

/// Every item once an epoch, shuffled anew each epoch. Nothing is stored: item(n) walks through a keyed
/// permutation of the items, some hundred steps of arithmetic. A batch that crosses the end of an epoch takes
/// its last items from the next one.
/// @throws Error(invalid_argument) without items
/// Source of the permutation: Hoang, Morris, Rogaway, "An Enciphering Scheme Based on a Card Shuffle" (2012),
/// the swap-or-not shuffle.
std::unique_ptr<Sampler> make_shuffle_sampler(std::size_t items, std::uint64_t seed);

/// The original's: a tag drawn uniformly, then a track uniformly among those that have it, both with
/// replacement. What is drawn depends on the set of tags, not on the order in which they were met.
/// @param tags the tags of each item; items without tags are never drawn; a tag that an item has twice counts
/// once
/// @param epoch_samples samples that count as one epoch; the original's are 8,192
/// @throws Error(invalid_argument) when no item has a tag, or epoch_samples is 0
/// Source: lp-music-caps, the MSD pretraining data set's class-balanced sampling.
std::unique_ptr<Sampler> make_tag_balanced_sampler(const std::vector<std::vector<std::string>>& tags,
                                                   std::uint64_t seed, std::uint64_t epoch_samples);

}  // namespace lpmc
