#include "tests/support/wav.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <numbers>
#include <string>

namespace lpmc::test {
namespace {

template <class T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void write(const std::filesystem::path& path, const std::string& data, std::uint16_t format,
           std::uint16_t bytes, int sample_rate) {
  std::string file = "RIFF";
  append(file, static_cast<std::uint32_t>(36 + data.size()));
  file += "WAVEfmt ";
  append(file, std::uint32_t{16});
  append(file, format);
  append(file, std::uint16_t{1});
  append(file, static_cast<std::uint32_t>(sample_rate));
  append(file, static_cast<std::uint32_t>(sample_rate * bytes));
  append(file, bytes);
  append(file, static_cast<std::uint16_t>(8 * bytes));
  file += "data";
  append(file, static_cast<std::uint32_t>(data.size()));
  std::ofstream(path, std::ios::binary) << file << data;
}

}  // namespace

void write_wav(const std::filesystem::path& path, const std::vector<float>& samples, int sample_rate) {
  std::string data;
  for (const float x : samples)
    append(data, static_cast<std::int16_t>(std::lrint(std::clamp(x, -1.0F, 0.9999F) * 32768)));
  write(path, data, 1, 2, sample_rate);
}

void write_float_wav(const std::filesystem::path& path, const std::vector<float>& samples, int sample_rate) {
  std::string data;
  for (const float x : samples)
    append(data, x);
  write(path, data, 3, 4, sample_rate);
}

std::vector<float> chord(double seconds, int key, int sample_rate) {
  std::vector<float> samples(static_cast<std::size_t>(seconds * sample_rate));
  for (std::size_t n = 0; n < samples.size(); ++n) {
    const double t = static_cast<double>(n) / sample_rate;
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

}  // namespace lpmc::test
