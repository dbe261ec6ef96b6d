#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

namespace lpmc {

struct Int16Samples {
  std::vector<std::int16_t> samples;  ///< mono
  std::vector<std::string> warnings;  ///< as AudioReader's
};

/// The samples of an audio file, the same that AudioReader gives, at two bytes each; or of a .npy file
/// (npy.h), which must be at `sample_rate` already.
/// @param max_samples guards against files that would fill the memory
/// @throws as AudioReader and read_npy_samples; Error(unsupported) when there are more than max_samples, or
/// for .npy at another rate than 16 kHz; Error(corrupt) without a sample
Int16Samples read_int16_samples(const std::filesystem::path& path, int sample_rate, std::int64_t max_samples,
                                const std::stop_token& stop = {});

/// True for what read_int16_samples reads as NumPy's.
bool is_npy(const std::filesystem::path& path);

}  // namespace lpmc
