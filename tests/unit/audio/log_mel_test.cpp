#include "lpmc/audio/log_mel.h"

#include <cmath>
#include <complex>
#include <limits>
#include <numbers>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lpmc/base/error.h"
#include "lpmc/base/threads.h"

namespace lpmc {
namespace {

constexpr float kEps = std::numeric_limits<float>::epsilon() / 2;  // of one rounding

std::vector<float> noise(std::size_t count, std::uint32_t seed) {
  std::vector<float> values(count);
  for (float& value : values) {
    seed = seed * 1664525U + 1013904223U;
    value = static_cast<float>(seed >> 8) / 8388608.0F - 1.0F;
  }
  return values;
}

Tensor waveform_of(const std::vector<float>& samples, std::int64_t batch = 1) {
  return Tensor::copy_of(
      {samples.data(), DType::f32, Shape{batch, static_cast<std::int64_t>(samples.size()) / batch}});
}

/// Bin k of frame `frame` by the definition, in double.
std::complex<double> dft(const std::vector<float>& x, std::span<const float> window, const MelConfig& config,
                         std::int64_t frame, std::int64_t k) {
  std::complex<double> sum = 0;
  const auto samples = static_cast<std::int64_t>(x.size());
  for (std::int64_t n = 0; n < config.n_fft; ++n) {
    std::int64_t i = frame * config.hop_length + n - config.n_fft / 2;
    if (i < 0) i = -i;
    if (i >= samples) i = 2 * (samples - 1) - i;
    const double angle = -2 * std::numbers::pi * static_cast<double>(k * n % config.n_fft) / config.n_fft;
    sum += std::polar(1.0, angle) * static_cast<double>(x[static_cast<std::size_t>(i)]) *
           static_cast<double>(window[static_cast<std::size_t>(n)]);
  }
  return sum;
}

TEST(HannWindow, FollowsTheFormula) {
  const Tensor window = hann_window(MelConfig{});
  ASSERT_EQ(window.shape(), Shape{1024});
  for (int n = 0; n < 1024; ++n) {
    const double exact = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * n / 1024);
    // The angle (up to 2 pi) is rounded twice, the cosine once, half of it and the sum once.
    const double bound = 0.5 * (2 * 2 * std::numbers::pi * kEps) + 3 * kEps;
    EXPECT_NEAR(window.values<float>()[static_cast<std::size_t>(n)], exact, bound) << n;
  }
  EXPECT_EQ(window.values<float>()[0], 0.0F);
  EXPECT_EQ(window.values<float>()[512], 1.0F);
}

TEST(MelFilterbank, HasTheBitsOfTorchaudio) {
  const Tensor filterbank = mel_filterbank(MelConfig{});
  ASSERT_EQ(filterbank.shape(), (Shape{513, 128}));
  // FNV-1a over the bytes of the buffer torchaudio 0.13.1 makes (torch 1.13.1, AVX2).
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (std::size_t i = 0; i < filterbank.view().size_bytes(); ++i) {
    hash = (hash ^ static_cast<std::uint64_t>(filterbank.view().bytes()[i])) * 0x100000001b3U;
  }
  EXPECT_EQ(hash, 0x0be1a9fac8cdb25eU);
}

TEST(MelFilterbank, FollowsTheFormula) {
  const MelConfig config;
  const Tensor filterbank = mel_filterbank(config);
  const auto hz = [](double i) {
    const double top = 2595 * std::log10(1 + 8000.0 / 700);
    return 700 * (std::pow(10, top * i / 129 / 2595) - 1);
  };
  int non_zeros = 0;
  for (int k = 0; k < 513; ++k) {
    for (int m = 0; m < 128; ++m) {
      const double f = 15.625 * k;
      const double rising = (f - hz(m)) / (hz(m + 1) - hz(m));
      const double falling = (hz(m + 2) - f) / (hz(m + 2) - hz(m + 1));
      const float found = filterbank.values<float>()[static_cast<std::size_t>(k * 128 + m)];
      non_zeros += found != 0.0F;
      // Points up to 8000 Hz carry some roundings of 4.9e-4 / 2 Hz, and filters are 18 Hz wide at least where
      // the points are small, 260 Hz where they are large.
      EXPECT_NEAR(found, std::max(0.0, std::min(rising, falling)), 2e-5) << k << ' ' << m;
    }
  }
  EXPECT_EQ(non_zeros, 1012);
}

TEST(LogMel, EqualsTheDefinition) {
  MelConfig config;
  config.n_fft = 64;
  config.hop_length = 20;
  config.n_mels = 6;
  const std::vector<float> x = noise(333, 7);
  const LogMel log_mel(config);
  const Tensor mel = log_mel.forward(waveform_of(x));
  ASSERT_EQ(mel.shape(), (Shape{1, 6, 17}));
  const Tensor window = hann_window(config);
  const Tensor filterbank = mel_filterbank(config);
  for (std::int64_t frame = 0; frame < 17; ++frame) {
    for (std::int64_t m = 0; m < 6; ++m) {
      double power = 0, bound = 0;
      for (std::int64_t k = 0; k <= 32; ++k) {
        const double weight = filterbank.values<float>()[static_cast<std::size_t>(k * 6 + m)];
        const double real = dft(x, window.values<float>(), config, frame, k).real();
        // A windowed sample is below 1, so bin values are below 32 in sum of magnitudes; log2(64) + 2
        // stages round each of them.
        const double error = 32 * 8 * kEps;
        power += weight * real * real;
        bound += weight * (2 * std::abs(real) * error + error * error + real * real * 34 * kEps);
      }
      const double decibel = mel.values<float>()[static_cast<std::size_t>(m * 17 + frame)];
      bound += power * 0.2303 * 8 * kEps * (10 + std::abs(decibel));  // the logarithm, rounded to float
      EXPECT_NEAR(std::pow(10, decibel / 10), std::max(power, 1e-10), bound) << frame << ' ' << m;
    }
  }
}

TEST(LogMel, LeavesTheImaginaryPartOut) {
  // A sine of bin 16 that is odd about the middle of the frame has no real part there, but all of its
  // energy in the imaginary one: |X|^2 would give 10 log10(256^2) = 48 dB.
  const MelConfig config;
  std::vector<float> x(4096);
  const std::int64_t frame = 8, middle = frame * config.hop_length;
  for (std::size_t n = 0; n < x.size(); ++n) {
    const double angle =
        2 * std::numbers::pi * 16 * static_cast<double>(static_cast<std::int64_t>(n) - middle) / 1024;
    x[n] = static_cast<float>(std::sin(angle));
  }
  const std::complex<double> bin = dft(x, hann_window(config).values<float>(), config, frame, 16);
  ASSERT_NEAR(std::abs(bin), 256, 1e-3);
  ASSERT_NEAR(bin.real(), 0, 1e-3);
  const Tensor mel = LogMel(config).forward(waveform_of(x));
  const std::int64_t frames = mel.size(2);
  for (std::int64_t m = 0; m < 128; ++m) {
    EXPECT_LT(mel.values<float>()[static_cast<std::size_t>(m * frames + frame)], -40) << m;
  }
}

TEST(LogMel, TakesAnyWindowAndFilterbank) {
  // Filters that are single bins, and a window of ones: the real part of a constant is in bin 0 alone.
  MelConfig config;
  config.n_fft = 16;
  config.hop_length = 4;
  config.n_mels = 9;
  Tensor window{Shape{16}};
  for (float& value : window.mutable_values<float>())
    value = 1;
  Tensor identity = Tensor::zeros(Shape{9, 9});
  for (std::size_t i = 0; i < 9; ++i)
    identity.mutable_values<float>()[i * 9 + i] = 1;
  const LogMel log_mel(config, window, identity);
  const Tensor mel = log_mel.forward(waveform_of(std::vector<float>(40, 0.5F)));
  ASSERT_EQ(mel.shape(), (Shape{1, 9, 11}));
  for (std::int64_t m = 0; m < 9; ++m) {
    for (std::int64_t frame = 0; frame < 11; ++frame) {
      const float expected = m == 0 ? 20 * std::log10(8.0F) : -100.0F;
      EXPECT_FLOAT_EQ(mel.values<float>()[static_cast<std::size_t>(m * 11 + frame)], expected)
          << m << ' ' << frame;
    }
  }
}

TEST(LogMel, SilenceIsExactlyTheFloor) {
  const Tensor mel = LogMel(MelConfig{}).forward(Tensor::zeros(Shape{1, 16000}));
  EXPECT_THAT(mel.values<float>(), testing::Each(-100.0F));
}

TEST(LogMel, ZerosAfterSoundAreTheFloor) {
  // The padding of a short clip: nothing of the sound may leak into frames that do not touch it.
  std::vector<float> x(32000, 0.0F);
  const std::vector<float> sound = noise(16000, 3);
  std::copy(sound.begin(), sound.end(), x.begin());
  const Tensor mel = LogMel(MelConfig{}).forward(waveform_of(x));
  for (std::int64_t frame = (16000 + 512) / 160 + 1; frame < mel.size(2); ++frame) {
    for (std::int64_t m = 0; m < 128; ++m) {
      ASSERT_EQ(mel.values<float>()[static_cast<std::size_t>(m * mel.size(2) + frame)], -100.0F) << frame;
    }
  }
}

TEST(LogMel, IsTheSameAloneInABatchAndWithAnyNumberOfThreads) {
  const LogMel log_mel(MelConfig{});
  const std::vector<float> x = noise(3 * 20000, 11);
  const int threads = num_threads();
  set_num_threads(1);
  const Tensor one = log_mel.forward(waveform_of(x, 3));
  set_num_threads(5);
  const Tensor five = log_mel.forward(waveform_of(x, 3));
  set_num_threads(threads);
  EXPECT_THAT(five.values<float>(), testing::ElementsAreArray(one.values<float>()));
  for (std::int64_t row = 0; row < 3; ++row) {
    const std::vector<float> alone(x.begin() + row * 20000, x.begin() + (row + 1) * 20000);
    const Tensor mel = log_mel.forward(waveform_of(alone));
    EXPECT_THAT(mel.values<float>(), testing::ElementsAreArray(one.view()[row].values<float>()));
  }
}

TEST(LogMel, ShortestWaveformHasBothEdgesInOneFrame) {
  const std::vector<float> x = noise(513, 5);
  const MelConfig config;
  const Tensor mel = LogMel(config).forward(waveform_of(x));
  EXPECT_EQ(mel.shape(), (Shape{1, 128, 4}));
  for (const float value : mel.values<float>())
    EXPECT_TRUE(std::isfinite(value));
}

TEST(LogMel, NaNInIsNoCrash) {
  std::vector<float> x = noise(16000, 1);
  x[8000] = std::numeric_limits<float>::quiet_NaN();
  x[100] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(LogMel(MelConfig{}).forward(waveform_of(x)).size(2), 101);
}

TEST(LogMel, EmptyBatchGivesAnEmptyBatch) {
  EXPECT_EQ(LogMel(MelConfig{}).forward(Tensor{Shape{0, 1000}}).shape(), (Shape{0, 128, 7}));
}

TEST(LogMel, RefusesWrongWaveforms) {
  const LogMel log_mel(MelConfig{});
  EXPECT_THROW(log_mel.forward(Tensor::zeros(Shape{1, 512})), Error);
  EXPECT_NO_THROW(log_mel.forward(Tensor::zeros(Shape{1, 513})));
  EXPECT_THROW(log_mel.forward(Tensor::zeros(Shape{16000})), Error);
  EXPECT_THROW(log_mel.forward(Tensor::zeros(Shape{1, 16000}, DType::f64)), Error);
}

TEST(LogMel, RefusesWrongConfigurations) {
  const auto refuses = [](auto change) {
    MelConfig config;
    change(config);
    try {
      const LogMel log_mel(config);
      return false;
    } catch (const Error& error) {
      return error.kind() == ErrorKind::invalid_argument;
    }
  };
  EXPECT_TRUE(refuses([](MelConfig& c) { c.n_fft = 1000; }));
  EXPECT_TRUE(refuses([](MelConfig& c) { c.n_fft = 0; }));
  EXPECT_TRUE(refuses([](MelConfig& c) { c.n_fft = -1024; }));
  EXPECT_TRUE(refuses([](MelConfig& c) { c.n_fft = 1 << 30; }));
  EXPECT_TRUE(refuses([](MelConfig& c) { c.hop_length = 0; }));
  EXPECT_TRUE(refuses([](MelConfig& c) { c.n_mels = 0; }));
  EXPECT_TRUE(refuses([](MelConfig& c) { c.n_mels = 1 << 30; }));
  EXPECT_TRUE(refuses([](MelConfig& c) { c.sample_rate = 0; }));
  EXPECT_TRUE(refuses([](MelConfig& c) { c.f_max = 8000.5; }));
  EXPECT_TRUE(refuses([](MelConfig& c) { c.f_min = 8000; }));
  EXPECT_TRUE(refuses([](MelConfig& c) { c.f_min = std::nan(""); }));
  EXPECT_THROW(LogMel(MelConfig{}, Tensor::zeros(Shape{512}), Tensor::zeros(Shape{513, 128})), Error);
  EXPECT_THROW(LogMel(MelConfig{}, Tensor::zeros(Shape{1024}), Tensor::zeros(Shape{128, 513})), Error);
  EXPECT_THROW(LogMel(MelConfig{}, Tensor::zeros(Shape{1024}, DType::f64), Tensor::zeros(Shape{513, 128})),
               Error);
}

}  // namespace
}  // namespace lpmc
