#include "lpmc/training/augment.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lpmc/base/error.h"

namespace lpmc {
namespace {

constexpr std::uint64_t kSeed = 5;

double rms(const std::vector<float>& values) {
  double sum = 0;
  for (const float value : values)
    sum += static_cast<double>(value) * value;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

std::vector<float> augmented(std::vector<float> waveform, const AugmentOptions& options, std::uint64_t n) {
  CounterRandom random(kSeed, n);
  augment_waveform(waveform, options, random);
  return waveform;
}

/// [bands, frames] of 0, 1, 2, ...: no cell is the mean but perhaps the middle one.
Tensor ramp(std::int64_t bands, std::int64_t frames) {
  Tensor tensor(Shape{bands, frames});
  std::iota(tensor.mutable_values<float>().begin(), tensor.mutable_values<float>().end(), 0.0F);
  return tensor;
}

/// Which cells a mask covered, after a check that these hold `fill` and the others are as before.
std::vector<bool> covered(const Tensor& masked, float fill) {
  std::vector<bool> result;
  for (const float value : masked.values<float>()) {
    const auto index = static_cast<float>(result.size());
    EXPECT_TRUE(value == index || value == fill) << value << " at " << index;
    result.push_back(value != index);
  }
  return result;
}

TEST(Augment, OffChangesNothing) {
  const std::vector<float> waveform = {0.5F, -2.0F, 1.5F, 0.0F};
  EXPECT_EQ(augmented(waveform, {}, 0), waveform);
  Tensor log_mel = ramp(4, 9);
  CounterRandom random(kSeed, 0);
  augment_log_mel(log_mel, {}, random);
  EXPECT_TRUE(std::ranges::equal(log_mel.values<float>(), ramp(4, 9).values<float>()));
}

TEST(Augment, GainIsUniformInDecibels) {
  AugmentOptions options;
  options.gain_db = 6;
  constexpr int kDraws = 4000;
  double sum = 0;
  double squares = 0;
  for (int n = 0; n < kDraws; ++n) {
    const auto waveform = augmented({0.1F, -0.2F}, options, static_cast<std::uint64_t>(n));
    EXPECT_NEAR(waveform[1] / waveform[0], -2, 1e-6);
    const double db = 20 * std::log10(waveform[0] / 0.1);
    EXPECT_LE(std::abs(db), 6 + 1e-4);
    sum += db;
    squares += db * db;
  }
  // Uniform on [-6, 6]: variance 12; the mean of n draws is within 5 standard errors of 0.
  EXPECT_NEAR(sum / kDraws, 0, 5 * std::sqrt(12.0 / kDraws));
  // The fourth moment is 6^4 / 5, so a square's variance is 259.2 - 144.
  EXPECT_NEAR(squares / kDraws, 12, 5 * std::sqrt(115.2 / kDraws));
}

TEST(Augment, NoiseIsWhiteAndUpToItsLevel) {
  AugmentOptions options;
  options.noise_db = -20;  // RMS up to 0.1
  constexpr int kDraws = 200;
  constexpr std::size_t kSamples = 4000;
  double level_sum = 0;
  for (int n = 0; n < kDraws; ++n) {
    const auto noise = augmented(std::vector<float>(kSamples), options, static_cast<std::uint64_t>(n));
    const double level = rms(noise);
    level_sum += level;
    // The RMS of n Gaussian samples spreads by 1 / sqrt(2n).
    EXPECT_LE(level, 0.1 * (1 + 5 / std::sqrt(2.0 * kSamples)));
    double neighbours = 0;
    for (std::size_t i = 1; i < kSamples; ++i)
      neighbours += static_cast<double>(noise[i]) * noise[i - 1];
    EXPECT_LE(std::abs(neighbours / kSamples), 5 * level * level / std::sqrt(kSamples));
  }
  // Uniform on [0, 0.1]: mean 0.05, standard deviation 0.1 / sqrt(12).
  EXPECT_NEAR(level_sum / kDraws, 0.05, 5 * 0.1 / std::sqrt(12.0 * kDraws));
}

TEST(Augment, NothingLeavesFullScale) {
  AugmentOptions options;
  options.gain_db = 20;
  options.noise_db = -1;
  for (std::uint64_t n = 0; n < 50; ++n) {
    for (const float sample : augmented(std::vector<float>(100, 0.9F), options, n)) {
      ASSERT_LE(std::abs(sample), 1.0F);
    }
  }
}

TEST(Augment, FollowsFromItsNumberAlone) {
  AugmentOptions options;
  options.gain_db = 6;
  options.noise_db = -30;
  const std::vector<float> waveform(1000, 0.25F);
  EXPECT_EQ(augmented(waveform, options, 3), augmented(waveform, options, 3));
  EXPECT_NE(augmented(waveform, options, 3), augmented(waveform, options, 4));
}

TEST(SpecAugment, MasksWholeBandsOfTheClipsMean) {
  constexpr std::int64_t kBands = 20;
  constexpr std::int64_t kFrames = 7;
  constexpr float kMean = (kBands * kFrames - 1) / 2.0F;
  AugmentOptions options;
  options.freq_masks = 1;
  options.freq_mask_bands = 5;
  std::set<std::int64_t> widths;
  std::set<std::int64_t> bands_seen;
  for (std::uint64_t n = 0; n < 500; ++n) {
    Tensor log_mel = ramp(kBands, kFrames);
    CounterRandom random(kSeed, n);
    augment_log_mel(log_mel, options, random);
    const auto mask = covered(log_mel, kMean);
    std::vector<std::int64_t> bands;
    for (std::int64_t band = 0; band < kBands; ++band) {
      const auto row = mask.begin() + band * kFrames;
      const auto count = std::count(row, row + kFrames, true);
      ASSERT_TRUE(count == 0 || count == kFrames) << "half a band";
      if (count > 0) bands.push_back(band);
    }
    widths.insert(static_cast<std::int64_t>(bands.size()));
    bands_seen.insert(bands.begin(), bands.end());
    if (!bands.empty()) {
      ASSERT_EQ(bands.back() - bands.front() + 1, static_cast<std::int64_t>(bands.size())) << "one stripe";
    }
  }
  EXPECT_EQ(widths, (std::set<std::int64_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(bands_seen.size(), static_cast<std::size_t>(kBands)) << "the first and the last band too";
}

TEST(SpecAugment, MasksWholeFrames) {
  constexpr std::int64_t kBands = 4;
  constexpr std::int64_t kFrames = 31;
  AugmentOptions options;
  options.time_masks = 2;
  options.time_mask_frames = 6;
  std::size_t most = 0;
  for (std::uint64_t n = 0; n < 300; ++n) {
    Tensor log_mel = ramp(kBands, kFrames);
    CounterRandom random(kSeed, n);
    augment_log_mel(log_mel, options, random);
    const auto mask = covered(log_mel, (kBands * kFrames - 1) / 2.0F);
    std::size_t frames = 0;
    for (std::int64_t t = 0; t < kFrames; ++t) {
      const bool first = mask[static_cast<std::size_t>(t)];
      for (std::int64_t band = 1; band < kBands; ++band) {
        ASSERT_EQ(mask[static_cast<std::size_t>(band * kFrames + t)], first) << "half a frame";
      }
      frames += first ? 1 : 0;
    }
    most = std::max(most, frames);
  }
  EXPECT_EQ(most, 12U) << "both stripes at their widest, side by side, among 300 draws";
}

TEST(SpecAugment, AMaskIsNoWiderThanTheClip) {
  AugmentOptions options;
  options.freq_masks = options.time_masks = 1;
  options.freq_mask_bands = options.time_mask_frames = 1000;
  for (std::uint64_t n = 0; n < 100; ++n) {
    Tensor log_mel = ramp(3, 2);
    CounterRandom random(kSeed, n);
    augment_log_mel(log_mel, options, random);
    covered(log_mel, 2.5F);
  }
}

TEST(SpecAugment, EmptyClipsAndOtherShapes) {
  AugmentOptions options;
  options.time_masks = 1;
  CounterRandom random(kSeed, 0);
  Tensor empty(Shape{4, 0});
  EXPECT_NO_THROW(augment_log_mel(empty, options, random));
  Tensor batch(Shape{1, 4, 9});
  EXPECT_THROW(augment_log_mel(batch, options, random), Error);
  Tensor halves(Shape{4, 9}, DType::f16);
  EXPECT_THROW(augment_log_mel(halves, options, random), Error);
}

TEST(AugmentOptionsCheck, NamesTheOption) {
  const auto message = [](auto&& change) -> std::string {
    AugmentOptions options;
    change(options);
    try {
      check(options);
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::invalid_argument);
      return e.what();
    }
    return "no error";
  };
  using testing::StartsWith;
  EXPECT_THAT(message([](auto& o) { o.gain_db = -1; }), StartsWith("gain-db:"));
  EXPECT_THAT(message([](auto& o) { o.gain_db = std::nan(""); }), StartsWith("gain-db:"));
  EXPECT_THAT(message([](auto& o) { o.noise_db = 3; }), StartsWith("noise-db:"));
  EXPECT_THAT(message([](auto& o) { o.freq_masks = -1; }), StartsWith("freq-masks:"));
  EXPECT_THAT(message([](auto& o) { o.freq_mask_bands = -1; }), StartsWith("freq-mask-bands:"));
  EXPECT_THAT(message([](auto& o) { o.time_masks = -1; }), StartsWith("time-masks:"));
  EXPECT_THAT(message([](auto& o) { o.time_mask_frames = -1; }), StartsWith("time-mask-frames:"));
  EXPECT_EQ(message([](auto&) {}), "no error");
}

}  // namespace
}  // namespace lpmc
