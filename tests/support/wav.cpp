#include "tests/support/wav.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numbers>

#include <gtest/gtest.h>

namespace lpmc::test {
namespace {

template <class T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
std::string_view as_text(std::span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

}  // namespace

std::string wav_header(const WavFormat& format, std::uint32_t data_bytes) {
  const auto frame = static_cast<std::uint16_t>(format.channels * format.bits / 8);
  std::string bytes = "RIFF";
  append(bytes, data_bytes + 36);
  bytes += "WAVEfmt ";
  append(bytes, std::uint32_t{16});
  append(bytes, static_cast<std::uint16_t>(format.is_float ? 3 : 1));
  append(bytes, static_cast<std::uint16_t>(format.channels));
  append(bytes, static_cast<std::uint32_t>(format.sample_rate));
  append(bytes, static_cast<std::uint32_t>(format.sample_rate) * frame);
  append(bytes, frame);
  append(bytes, static_cast<std::uint16_t>(format.bits));
  bytes += "data";
  append(bytes, data_bytes);
  return bytes;
}

void write_bytes(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  EXPECT_TRUE(out.good()) << path;
}

void write_wav(const std::filesystem::path& path, std::span<const std::int16_t> samples,
               const WavFormat& format) {
  std::string bytes = wav_header(format, static_cast<std::uint32_t>(samples.size_bytes()));
  bytes += as_text(samples);
  write_bytes(path, bytes);
}

void write_float_wav(const std::filesystem::path& path, std::span<const float> samples, int sample_rate) {
  std::string bytes =
      wav_header({sample_rate, 1, 32, true}, static_cast<std::uint32_t>(samples.size_bytes()));
  bytes += as_text(samples);
  write_bytes(path, bytes);
}

std::vector<float> chord(double seconds, int key) {
  constexpr int kSampleRate = 16000;
  std::vector<float> samples(static_cast<std::size_t>(seconds * kSampleRate));
  for (std::size_t n = 0; n < samples.size(); ++n) {
    const double t = static_cast<double>(n) / kSampleRate;
    double x = 0;
    for (const int note : {0, 4, 7, 12}) {
      const double frequency = 220 * std::exp2((key + note) / 12.0);
      x += std::sin(2 * std::numbers::pi * frequency * t) +
           0.3 * std::sin(4 * std::numbers::pi * frequency * t);
    }
    const double beat = std::exp(-6 * std::fmod(t, 0.5));  // 120 a minute
    samples[n] = static_cast<float>(0.12 * x * (0.3 + 0.7 * beat));
  }
  return samples;
}

std::vector<std::int16_t> chord_int16(double seconds, int key) {
  std::vector<std::int16_t> samples;
  for (const float x : chord(seconds, key)) {
    samples.push_back(static_cast<std::int16_t>(std::lrint(std::clamp(x, -1.0F, 0.9999F) * 32768)));
  }
  return samples;
}

}  // namespace lpmc::test
