#include "tests/unit/audio/media.h"

#include <cmath>
#include <cstring>

#include "tests/support/program.h"

namespace lpmc::test {
namespace {

ProgramResult ffmpeg(const std::vector<std::string>& arguments, const char* level) {
  std::vector<std::string> words = {"ffmpeg", "-v", level, "-nostdin", "-y"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return run_program(words);
}

}  // namespace

bool have_ffmpeg() {
  static const bool have = program_exists("ffmpeg");
  return have;
}

std::string run_ffmpeg(const std::vector<std::string>& arguments) {
  ProgramResult finished = ffmpeg(arguments, "fatal");
  EXPECT_EQ(finished.exit_code, 0) << "ffmpeg failed";
  return std::move(finished.out);
}

bool try_ffmpeg(const std::vector<std::string>& arguments) {
  return ffmpeg(arguments, "quiet").exit_code == 0;
}

std::vector<std::int16_t> ffmpeg_samples(const std::filesystem::path& file, int rate) {
  // With several threads, ffmpeg's FLAC decoder loses sound frames around a damaged one.
  const std::string bytes = run_ffmpeg({"-threads", "1", "-i", file.native(), "-ac", "1", "-ar",
                                        std::to_string(rate), "-c:a", "pcm_s16le", "-f", "s16le", "-"});
  std::vector<std::int16_t> samples(bytes.size() / 2);
  if (!samples.empty()) std::memcpy(samples.data(), bytes.data(), samples.size() * 2);
  return samples;
}

std::vector<std::int16_t> to_steps(std::span<const float> samples) {
  std::vector<std::int16_t> steps;
  std::size_t broken = 0;
  for (const float sample : samples) {
    const float step = sample * 32768.0F;
    steps.push_back(static_cast<std::int16_t>(std::lround(step)));
    if (static_cast<float>(steps.back()) != step) ++broken;
  }
  EXPECT_EQ(broken, 0U) << "samples that are no multiple of 1/32768";
  return steps;
}

std::vector<std::int16_t> tones(std::int64_t count, int sample_rate, int channels) {
  std::vector<std::int16_t> samples;
  std::uint32_t noise = 1;
  for (std::int64_t n = 0; n < count; ++n) {
    const double t = static_cast<double>(n) / sample_rate;
    for (int channel = 0; channel < channels; ++channel) {
      noise = noise * 1664525U + 1013904223U;
      const double x = 0.3 * std::sin(6.283185307 * (220 + 55 * channel + 3 * t) * t) +
                       0.2 * std::sin(9763.0 * t) + 0.05 * (static_cast<double>(noise >> 8) / 8388608.0 - 1);
      samples.push_back(static_cast<std::int16_t>(std::lround(32767 * x)));
    }
  }
  return samples;
}

}  // namespace lpmc::test
