#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace lpmc {

/// The samples of a NumPy .npy file as the original's preprocessing writes them: one waveform, [samples] (or
/// with other dimensions of 1), float32, float64 or int16, in either byte order. A .npy file does not tell
/// its sample rate; the original's are at 16 kHz.
/// @return mono int16; floats in [-1, 1] times 32768, rounded, what lies outside is clipped
/// @throws Error(not_found, io), Error(corrupt) for what is no .npy file, is cut off, has NaN or infinite
/// samples or floats that are no waveform in [-1, 1], Error(unsupported) for other types and shapes
std::vector<std::int16_t> read_npy_samples(const std::filesystem::path& path);

/// The same from the file's bytes.
/// @param name stands in messages
std::vector<std::int16_t> npy_samples(std::span<const std::byte> file, const std::string& name);

/// A sample in [-1, 1] as int16, rounded and clipped.
std::int16_t to_int16(double sample);

}  // namespace lpmc
