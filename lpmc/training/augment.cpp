#include "lpmc/training/augment.h"

#include <algorithm>
#include <cmath>

#include "lpmc/base/error.h"

namespace lpmc {

namespace {

double amplitude(double db) {
  return std::pow(10.0, db / 20.0);
}

/// A stripe [first, first + width) inside [0, size), of width 0 .. widest.
struct Stripe {
  std::int64_t first;
  std::int64_t width;
};

Stripe draw_stripe(std::int64_t size, std::int64_t widest, CounterRandom& random) {
  const std::int64_t most = std::min(widest, size);
  const auto width = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(most) + 1));
  const auto first = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(size - width) + 1));
  return {first, width};
}

double mean_of(std::span<const float> values) {
  double sum = 0;
  for (const float value : values)
    sum += value;
  return sum / static_cast<double>(values.size());
}

}  // namespace

void check(const AugmentOptions& o) {
  constexpr double kMostDb = 120;
  LPMC_REQUIRE(o.gain_db >= 0 && o.gain_db <= kMostDb, invalid_argument,
               "gain-db: expected 0 to {} dB, found {}", kMostDb, o.gain_db);
  LPMC_REQUIRE(o.noise_db <= 0 && o.noise_db >= -200, invalid_argument,
               "noise-db: expected a level below full scale, -200 to 0 (0 = none), found {}", o.noise_db);
  const auto not_negative = [](const char* name, int value) {
    LPMC_REQUIRE(value >= 0, invalid_argument, "{}: expected 0 or more, found {}", name, value);
  };
  not_negative("freq-masks", o.freq_masks);
  not_negative("freq-mask-bands", o.freq_mask_bands);
  not_negative("time-masks", o.time_masks);
  not_negative("time-mask-frames", o.time_mask_frames);
}

void augment_waveform(std::span<float> waveform, const AugmentOptions& options, CounterRandom& random) {
  check(options);
  const double gain = options.gain_db > 0 ? amplitude(options.gain_db * (2 * random.uniform() - 1)) : 1.0;
  const double noise = options.noise_db < 0 ? amplitude(options.noise_db) * random.uniform() : 0.0;
  if (gain == 1.0 && noise == 0.0) return;
  for (float& sample : waveform) {
    double value = gain * sample;
    if (noise > 0) value += noise * random.normal();
    sample = static_cast<float>(std::clamp(value, -1.0, 1.0));
  }
}

void augment_log_mel(TensorView log_mel, const AugmentOptions& options, CounterRandom& random) {
  check(options);
  LPMC_REQUIRE(log_mel.shape().rank() == 2, invalid_argument, "log_mel: expected [n_mels, frames], found {}",
               to_string(log_mel.shape()));
  const std::int64_t n_mels = log_mel.size(0);
  const std::int64_t frames = log_mel.size(1);
  if (log_mel.elements() == 0 || (options.freq_masks == 0 && options.time_masks == 0)) return;
  // The mean of the clip as it came: a mask does not move the value of the next one.
  const auto fill = static_cast<float>(mean_of(log_mel.values<float>()));
  const std::span<float> cells = log_mel.mutable_values<float>();
  const auto row = [&](std::int64_t band) {
    return cells.subspan(static_cast<std::size_t>(band * frames), static_cast<std::size_t>(frames));
  };
  for (int i = 0; i < options.freq_masks; ++i) {
    const Stripe stripe = draw_stripe(n_mels, options.freq_mask_bands, random);
    for (std::int64_t band = stripe.first; band < stripe.first + stripe.width; ++band) {
      std::ranges::fill(row(band), fill);
    }
  }
  for (int i = 0; i < options.time_masks; ++i) {
    const Stripe stripe = draw_stripe(frames, options.time_mask_frames, random);
    for (std::int64_t band = 0; band < n_mels; ++band) {
      std::ranges::fill(
          row(band).subspan(static_cast<std::size_t>(stripe.first), static_cast<std::size_t>(stripe.width)),
          fill);
    }
  }
}

}  // namespace lpmc
