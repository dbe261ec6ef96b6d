#include "lpmc/audio/int16_samples.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "lpmc/audio/decode.h"
#include "lpmc/audio/npy.h"
#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"

namespace lpmc {
namespace {

constexpr int kNpyRate = 16000;

void require_room(const std::filesystem::path& path, std::size_t samples, std::int64_t max_samples,
                  int sample_rate) {
  LPMC_REQUIRE(samples <= static_cast<std::size_t>(max_samples), unsupported,
               "{}: expected at most {} s of sound, found more", display_path(path),
               max_samples / sample_rate);
}

}  // namespace

bool is_npy(const std::filesystem::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension == ".npy";
}

Int16Samples read_int16_samples(const std::filesystem::path& path, int sample_rate, std::int64_t max_samples,
                                const std::stop_token& stop) {
  Int16Samples result;
  if (is_npy(path)) {
    LPMC_REQUIRE(sample_rate == kNpyRate, unsupported, "{}: expected {} Hz, found .npy, which is {} Hz",
                 display_path(path), sample_rate, kNpyRate);
    result.samples = read_npy_samples(path);
    LPMC_REQUIRE(!result.samples.empty(), corrupt, "{}: expected samples, found none", display_path(path));
    require_room(path, result.samples.size(), max_samples, sample_rate);
    return result;
  }
  DecodeOptions options;
  options.sample_rate = sample_rate;
  AudioReader reader(path, options, stop);
  std::array<float, 16384> piece;
  while (const std::size_t count = reader.read(piece)) {
    require_room(path, result.samples.size() + count, max_samples, sample_rate);
    std::transform(piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(count),
                   std::back_inserter(result.samples), to_int16);
  }
  result.warnings.assign(reader.warnings().begin(), reader.warnings().end());
  return result;
}

}  // namespace lpmc
