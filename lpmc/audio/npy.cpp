#include "lpmc/audio/npy.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>

#include "lpmc/base/error.h"
#include "lpmc/base/mapped_file.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
/// Floats beyond this are no waveform but 16-bit values stored as floats, say. Resampled music overshoots 1
/// a little.
constexpr double kLargestPeak = 4;

struct NpyHeader {
  std::string type;         // "<f4"
  std::size_t samples = 0;  // product of the shape
  std::size_t data_begin = 0;
};

/// The value behind a key of the header, a Python dictionary: "{'descr': '<f4', 'shape': (480000,), }".
std::string_view value_of(std::string_view header, std::string_view key, const std::string& name) {
  const std::size_t found = header.find("'" + std::string(key) + "'");
  const std::size_t colon = found == std::string_view::npos ? found : header.find(':', found);
  LPMC_REQUIRE(colon != std::string_view::npos, corrupt, "{}: expected '{}' in the header, found none", name,
               key);
  std::string_view rest = header.substr(colon + 1);
  while (rest.starts_with(' '))
    rest.remove_prefix(1);
  return rest;
}

std::string quoted_type(std::string_view value, const std::string& name) {
  const std::size_t end = value.starts_with('\'') ? value.find('\'', 1) : std::string_view::npos;
  LPMC_REQUIRE(end != std::string_view::npos && end <= 8, unsupported,
               "{}: expected float32, float64 or int16, found another type", name);
  return std::string(value.substr(1, end - 1));
}

/// The dimensions' product; all but one must be 1.
std::size_t samples_of(std::string_view value, const std::string& name) {
  const std::size_t end = value.starts_with('(') ? value.find(')') : std::string_view::npos;
  LPMC_REQUIRE(end != std::string_view::npos, corrupt, "{}: expected a shape in the header, found none",
               name);
  const std::string_view shape = value.substr(0, end + 1);
  std::size_t samples = 1;
  std::size_t longer = 0;
  for (std::size_t i = 1; i < end;) {
    if (std::isdigit(static_cast<unsigned char>(shape[i])) == 0) {
      LPMC_REQUIRE(shape[i] == ',' || shape[i] == ' ', corrupt, "{}: expected a shape, found '{}'", name,
                   display_path(shape.substr(0, 60)));
      ++i;
      continue;
    }
    std::size_t dimension = 0;
    for (; i < end && std::isdigit(static_cast<unsigned char>(shape[i])) != 0; ++i) {
      LPMC_REQUIRE(dimension < std::numeric_limits<std::size_t>::max() / 100, corrupt,
                   "{}: expected a shape, found '{}'", name, display_path(shape.substr(0, 60)));
      dimension = dimension * 10 + static_cast<std::size_t>(shape[i] - '0');
    }
    if (dimension != 1) {
      samples = dimension;
      ++longer;
    }
  }
  LPMC_REQUIRE(longer <= 1, unsupported, "{}: expected one waveform of shape (samples,), found shape {}",
               name, display_path(shape.substr(0, 60)));
  return samples;
}

NpyHeader read_header(std::string_view file, const std::string& name) {
  LPMC_REQUIRE(file.size() >= 12 && file.starts_with(kMagic), corrupt, "{}: expected a .npy file, found {}",
               name, file.empty() ? "an empty file" : "something else");
  const auto byte = [&](std::size_t i) { return std::size_t{static_cast<unsigned char>(file[i])}; };
  const bool is_first_version = byte(6) == 1;
  LPMC_REQUIRE(byte(6) >= 1 && byte(6) <= 3, unsupported, "{}: expected .npy version 1 to 3, found {}", name,
               byte(6));
  const std::size_t begin = is_first_version ? 10 : 12;
  const std::size_t size = byte(8) | byte(9) << 8 | (is_first_version ? 0 : byte(10) << 16 | byte(11) << 24);
  LPMC_REQUIRE(size <= file.size() - begin, corrupt, "{}: expected a header of {} bytes, found {}", name,
               size, file.size() - begin);
  const std::string_view header = file.substr(begin, size);
  return {quoted_type(value_of(header, "descr", name), name),
          samples_of(value_of(header, "shape", name), name), begin + size};
}

template <class Bits>
Bits load(const char* bytes, bool is_big_endian) {
  Bits value = 0;
  for (std::size_t i = 0; i < sizeof(Bits); ++i) {
    const std::size_t shift = 8 * (is_big_endian ? sizeof(Bits) - 1 - i : i);
    value = static_cast<Bits>(
        value | static_cast<Bits>(static_cast<Bits>(static_cast<unsigned char>(bytes[i])) << shift));
  }
  return value;
}

/// @param Number the type stored, of the size of Bits
template <class Number, class Bits>
std::vector<std::int16_t> convert(std::string_view data, bool is_big_endian, const std::string& name) {
  std::vector<std::int16_t> samples(data.size() / sizeof(Bits));
  double peak = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto value = std::bit_cast<Number>(load<Bits>(data.data() + i * sizeof(Bits), is_big_endian));
    if constexpr (std::is_same_v<Number, std::int16_t>) {
      samples[i] = value;
    } else {
      const auto sample = static_cast<double>(value);
      LPMC_REQUIRE(std::isfinite(sample), corrupt, "{}: sample {}: expected a number, found {}", name, i,
                   sample);
      peak = std::max(peak, std::abs(sample));
      samples[i] = to_int16(sample);
    }
  }
  LPMC_REQUIRE(peak <= kLargestPeak, corrupt, "{}: expected samples in [-1, 1], found {}", name, peak);
  return samples;
}

}  // namespace

std::int16_t to_int16(double sample) {
  return static_cast<std::int16_t>(std::clamp(std::nearbyint(sample * 32768.0), -32768.0, 32767.0));
}

std::vector<std::int16_t> npy_samples(std::span<const std::byte> file, const std::string& name) {
  const std::string_view text(static_cast<const char*>(static_cast<const void*>(file.data())), file.size());
  const NpyHeader header = read_header(text, name);
  const char order = header.type.empty() ? '?' : header.type.front();
  const std::string_view kind = header.type.empty() ? "" : std::string_view(header.type).substr(1);
  const bool is_known =
      (order == '<' || order == '>' || order == '=') && (kind == "f4" || kind == "f8" || kind == "i2");
  LPMC_REQUIRE(is_known, unsupported, "{}: expected float32, float64 or int16, found '{}'", name,
               display_path(header.type));
  const std::size_t sample_bytes = static_cast<std::size_t>(kind[1] - '0');
  const std::string_view data = text.substr(header.data_begin);
  LPMC_REQUIRE(header.samples <= data.size() / sample_bytes, corrupt, "{}: expected {} samples, found {}",
               name, header.samples, data.size() / sample_bytes);
  const std::string_view used = data.substr(0, header.samples * sample_bytes);
  if (kind == "f4") return convert<float, std::uint32_t>(used, order == '>', name);
  if (kind == "f8") return convert<double, std::uint64_t>(used, order == '>', name);
  return convert<std::int16_t, std::uint16_t>(used, order == '>', name);
}

std::vector<std::int16_t> read_npy_samples(const std::filesystem::path& path) {
  const MappedFile file(path);
  return npy_samples(file.bytes(), display_path(path));
}

}  // namespace lpmc
