#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/wav.h"

namespace lpmc::test {

/// Makes a folder the current one for a while.
class WorkingFolder {
 public:
  explicit WorkingFolder(const std::filesystem::path& folder) : before_(std::filesystem::current_path()) {
    std::filesystem::current_path(folder);
  }
  ~WorkingFolder() { std::filesystem::current_path(before_); }
  WorkingFolder(const WorkingFolder&) = delete;
  WorkingFolder& operator=(const WorkingFolder&) = delete;

 private:
  std::filesystem::path before_;
};

/// Whether the ffmpeg program is on the PATH.
bool have_ffmpeg();

/// Runs ffmpeg (no shell) with these arguments and its messages off. @return its standard output
/// Fails the test when ffmpeg fails.
std::string run_ffmpeg(const std::vector<std::string>& arguments);

/// Runs ffmpeg; false when it fails, for instance because it was built without an encoder.
bool try_ffmpeg(const std::vector<std::string>& arguments);

/// What lpmc has to equal: the samples of `ffmpeg -i FILE -ac 1 -ar RATE -c:a pcm_s16le`.
std::vector<std::int16_t> ffmpeg_samples(const std::filesystem::path& file, int rate = 16000);

/// The same through AudioReader, as 16-bit steps; checks that each is a whole step.
std::vector<std::int16_t> to_steps(std::span<const float> samples);

/// `count` samples of two tones and some noise, the same every time.
std::vector<std::int16_t> tones(std::int64_t count, int sample_rate = 16000, int channels = 1);

}  // namespace lpmc::test

/// Skips the test, with the reason, where there is no ffmpeg program to compare with.
#define LPMC_SKIP_WITHOUT_FFMPEG() \
  if (!::lpmc::test::have_ffmpeg()) GTEST_SKIP() << "no ffmpeg program on the PATH"
