#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/audio/log_mel.h"
#include "lpmc/base/error.h"
#include "lpmc/checkpoint/tensor_file.h"

#include "tests/support/fixtures.h"
#include "tests/support/npy.h"

namespace lpmc {
namespace {

/// [1, samples] float32 of int16 steps or of float32.
Tensor waveform_of(const Tensor& samples) {
  Tensor waveform{Shape{1, samples.elements()}};
  const std::span<float> out = waveform.mutable_values<float>();
  if (samples.dtype() == DType::i16) {
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<float>(samples.values<std::int16_t>()[i]) / 32768;
  } else {
    std::copy(samples.values<float>().begin(), samples.values<float>().end(), out.begin());
  }
  return waveform;
}

double largest_difference(ConstTensorView a, ConstTensorView b) {
  EXPECT_EQ(a.elements(), b.elements());
  double largest = 0;
  for (std::size_t i = 0; i < a.values<float>().size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(a.values<float>()[i]) - b.values<float>()[i]));
  }
  return largest;
}

// Re X passes through zero, so isolated bins carry float32 noise: the reference's own float32 and
// float64 runs differ by up to 2.8e-3 dB.
constexpr double kMaxDecibel = 5e-3;

class StagesRow : public testing::TestWithParam<int> {
 protected:
  static Tensor waveform() {
    const auto folder = *test::fixtures() / "model";
    return waveform_of(
        test::read_npy(folder / (GetParam() == 0 ? "synth_10s_f32.npy" : "orchestra_first10s_int16.npy")));
  }
  static std::map<std::string, Tensor> stages() {
    return test::read_npz(*test::fixtures() / "model/stages.npz");
  }
};

TEST_P(StagesRow, LogMel) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const Tensor mel = LogMel(MelConfig{}).forward(waveform());
  ASSERT_EQ(mel.shape(), (Shape{1, 128, 1001}));
  EXPECT_LT(largest_difference(mel, stages().at("mel").view()[GetParam()]), kMaxDecibel);
}

TEST_P(StagesRow, RealPartOfTheTransform) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  // With filters that are single bins, the output is the square of the real part.
  MelConfig config;
  config.n_mels = 513;
  Tensor identity = Tensor::zeros(Shape{513, 513});
  for (std::size_t k = 0; k < 513; ++k)
    identity.mutable_values<float>()[k * 513 + k] = 1;
  const Tensor powers = LogMel(config, hann_window(config), identity).forward(waveform());
  const auto golden = stages();
  for (const int frame : {0, 500}) {
    const ConstTensorView real = golden.at("re_frame" + std::to_string(frame)).view()[GetParam()];
    double norm = 0;
    for (const float value : real.values<float>())
      norm = std::max(norm, std::abs(static_cast<double>(value)));
    for (std::size_t k = 0; k < 513; ++k) {
      const double decibel = powers.values<float>()[k * 1001 + static_cast<std::size_t>(frame)];
      const double expected = std::abs(static_cast<double>(real.values<float>()[k]));
      if (expected < 2e-5) continue;  // below the floor of the logarithm
      // Ten butterfly stages on values up to the largest bin, on either side; the logarithm's float.
      const double bound = 2 * 10 * 6e-8 * norm + expected * 0.1152 * 6e-8 * (10 + std::abs(decibel)) * 4;
      EXPECT_NEAR(std::pow(10, decibel / 20), expected, bound) << "frame " << frame << " bin " << k;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, StagesRow, testing::Values(0, 1));

struct Buffers {
  Tensor window, filterbank;
};

Buffers buffers_of(const std::filesystem::path& checkpoint) {
  const TensorFile file = TensorFile::open(checkpoint);
  const auto read = [&](const char* name) {
    const StoredTensor* const stored = file.find(std::string("audio_encoder.mel_encoder.") + name);
    LPMC_REQUIRE(stored != nullptr, corrupt, "{}: no {}", checkpoint.native(), name);
    return read_tensor(*stored);
  };
  return {read("spec_fn.window"), read("mel_scale.fb")};
}

TEST(LogMelGolden, BuffersOfTheCheckpoint) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const Buffers golden = buffers_of(*test::fixtures() / "model/tiny.pth");
  // torch's cosine is within one unit in the last place (6e-8 up to 1), and half of it counts.
  EXPECT_LE(largest_difference(hann_window(MelConfig{}), golden.window), 6e-8);
  EXPECT_EQ(largest_difference(mel_filterbank(MelConfig{}), golden.filterbank), 0);
}

/// L2 norms of the windowed frames, in double.
std::vector<double> frame_norms(std::span<const float> x, const MelConfig& config) {
  const Tensor window = hann_window(config);
  const auto samples = static_cast<std::int64_t>(x.size());
  std::vector<double> norms;
  for (std::int64_t frame = 0; frame < num_frames(samples, config); ++frame) {
    double squares = 0;
    for (std::int64_t n = 0; n < config.n_fft; ++n) {
      std::int64_t i = std::abs(frame * config.hop_length + n - config.n_fft / 2);
      if (i >= samples) i = 2 * (samples - 1) - i;
      const double value = static_cast<double>(x[static_cast<std::size_t>(i)]) *
                           static_cast<double>(window.values<float>()[static_cast<std::size_t>(n)]);
      squares += value * value;
    }
    norms.push_back(std::sqrt(squares));
  }
  return norms;
}

/// These clips have bands 100 dB under their loudest ones, where the reference's own float32 differs
/// by 0.036 dB from float64: a tolerance in dB alone cannot hold. Each side's real parts are off by at
/// most 10 stages * eps * (norm of the frame); with S the sum of a filter's weights, its power
/// sum(w Re^2) is then off by at most 2 error sqrt(S power) + S error^2 (Cauchy-Schwarz).
void expect_within_float32(ConstTensorView found, ConstTensorView expected, const std::vector<double>& norms,
                           const Tensor& filterbank) {
  const std::int64_t bins = filterbank.size(0), mels = filterbank.size(1);
  const auto frames = static_cast<std::int64_t>(norms.size());
  double total = 0;
  for (std::int64_t m = 0; m < mels; ++m) {
    double weights = 0;
    for (std::int64_t k = 0; k < bins; ++k) {
      weights += filterbank.values<float>()[static_cast<std::size_t>(k * mels + m)];
    }
    for (std::int64_t frame = 0; frame < frames; ++frame) {
      const auto at = static_cast<std::size_t>(m * frames + frame);
      const double decibel = expected.values<float>()[at];
      const double power = std::pow(10, decibel / 10);
      const double error = 2 * 10 * 6e-8 * norms[static_cast<std::size_t>(frame)];
      const double off = 2 * error * std::sqrt(weights * power) + weights * error * error;
      const double difference = std::abs(found.values<float>()[at] - decibel);
      ASSERT_LE(difference, 10 * std::log10(1 + off / power) + 1e-4) << "band " << m << " frame " << frame;
      total += difference;
    }
  }
  EXPECT_LT(total / static_cast<double>(found.elements()), 5e-4);  // the reference against float64: 1.3e-4
}

TEST(LogMelGolden, ClipsOfTheSmallCaptioner) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const auto folder = test::shared_path("models/v0");
  if (!folder) GTEST_SKIP() << "no models/v0";
  const auto checks = test::read_npz(*folder / "golden_checks.npz");
  const MelConfig config;
  const Buffers buffers = buffers_of(*folder / "model.pth");
  const LogMel log_mel(config, buffers.window, buffers.filterbank);
  for (const char* const number : {"0", "10"}) {
    const ConstTensorView expected = checks.at(std::string("mel_") + number);
    const std::string file = std::string("clip_") + (number[1] == 0 ? "0" : "") + number + ".npy";
    const Tensor clip = waveform_of(test::read_npy(*folder / "clips" / file));
    const Tensor mel = log_mel.forward(clip);
    ASSERT_EQ(mel.view()[0].shape(), expected.shape());
    expect_within_float32(mel.view()[0], expected, frame_norms(clip.values<float>(), config),
                          buffers.filterbank);
  }
}

}  // namespace
}  // namespace lpmc
