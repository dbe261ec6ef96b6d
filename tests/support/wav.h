#pragma once

#include <filesystem>
#include <vector>

namespace lpmc::test {

/// Writes a mono 16-bit PCM WAV file.
void write_wav(const std::filesystem::path& path, const std::vector<float>& samples, int sample_rate = 16000);

/// Writes a mono 32-bit float WAV file; NaN and infinity are kept.
void write_float_wav(const std::filesystem::path& path, const std::vector<float>& samples,
                     int sample_rate = 16000);

/// A chord with a beat: music enough not to be silence. `key` shifts its pitch.
std::vector<float> chord(double seconds, int key = 0, int sample_rate = 16000);

}  // namespace lpmc::test
