#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/audio/log_mel.h"

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

TEST(LogMelGolden, ClipsOfTheSmallCaptioner) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const auto folder = test::shared_path("models/v0");
  if (!folder) GTEST_SKIP() << "no models/v0";
  const auto checks = test::read_npz(*folder / "golden_checks.npz");
  const LogMel log_mel(MelConfig{});
  int found = 0;
  for (const auto& [name, expected] : checks) {
    if (!name.starts_with("mel_")) continue;
    const std::string number = name.substr(4).size() == 1 ? "0" + name.substr(4) : name.substr(4);
    const Tensor clip = waveform_of(test::read_npy(*folder / "clips" / ("clip_" + number + ".npy")));
    EXPECT_LT(largest_difference(log_mel.forward(clip), expected), kMaxDecibel) << name;
    ++found;
  }
  EXPECT_EQ(found, 2);
}

}  // namespace
}  // namespace lpmc
