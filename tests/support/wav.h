#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lpmc::test {

struct WavFormat {
  int sample_rate = 16000;
  int channels = 1;
  int bits = 16;
  bool is_float = false;
};

/// A canonical 44-byte header for `data_bytes` of samples.
std::string wav_header(const WavFormat& format, std::uint32_t data_bytes);

void write_bytes(const std::filesystem::path& path, std::string_view bytes);
/// 16-bit PCM.
void write_wav(const std::filesystem::path& path, std::span<const std::int16_t> samples,
               const WavFormat& format = {});
/// Mono 32-bit float; NaN and infinity are kept.
void write_float_wav(const std::filesystem::path& path, std::span<const float> samples,
                     int sample_rate = 16000);

/// A chord with a beat, mono at 16 kHz: music enough not to be silence. `key` shifts its pitch.
std::vector<float> chord(double seconds, int key = 0);

/// The same, rounded to 16 bits.
std::vector<std::int16_t> chord_int16(double seconds, int key = 0);

}  // namespace lpmc::test
