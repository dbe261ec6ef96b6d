#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lpmc/audio/decode.h"
#include "lpmc/base/error.h"

#include "tests/support/fixtures.h"
#include "tests/unit/audio/media.h"

namespace lpmc {
namespace {

using test::TemporaryFolder;
using testing::HasSubstr;

struct Outcome {
  std::vector<std::int16_t> samples;
  std::vector<std::string> warnings;
};

Outcome read_all(const std::filesystem::path& path) {
  AudioReader reader(path);
  std::vector<float> samples(16000 * 60);
  samples.resize(reader.read(samples));
  return {test::to_steps(samples), {reader.warnings().begin(), reader.warnings().end()}};
}

/// Eight seconds of 44.1 kHz stereo in the format that the ending says; empty where ffmpeg cannot make it.
std::string make(const TemporaryFolder& folder, const std::string& name) {
  test::write_wav(folder / "source.wav", test::tones(44100 * 8, 44100, 2), {44100, 2});
  if (!test::try_ffmpeg({"-i", (folder / "source.wav").native(), (folder / name).native()})) return {};
  return test::read_file(folder / name);
}

class Truncated : public testing::TestWithParam<const char*> {};

TEST_P(Truncated, WarnsAndKeepsWhatIsThere) {
  LPMC_SKIP_WITHOUT_FFMPEG();
  const TemporaryFolder folder;
  const std::string bytes = make(folder, GetParam());
  if (bytes.empty()) GTEST_SKIP() << "this ffmpeg cannot make " << GetParam();
  const std::vector<std::int16_t> whole = read_all(folder / GetParam()).samples;
  test::write_bytes(folder / GetParam(), std::string_view(bytes).substr(0, bytes.size() / 2));
  const Outcome half = read_all(folder / GetParam());
  ASSERT_GT(half.samples.size(), 16000U * 2);
  ASSERT_LT(half.samples.size(), 16000U * 6);
  // The last tenth of a second may end in a frame that is cut off.
  const std::size_t same = half.samples.size() - 1600;
  EXPECT_TRUE(std::equal(half.samples.begin(), half.samples.begin() + static_cast<std::ptrdiff_t>(same),
                         whole.begin()));
  EXPECT_THAT(half.warnings, testing::Not(testing::IsEmpty()));
  EXPECT_TRUE(half.samples == test::ffmpeg_samples(folder / GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Formats, Truncated, testing::Values("a.mp3", "a.flac", "a.wav"),
                         [](const auto& instance) { return std::string(instance.param).substr(2); });

TEST(Damage, TheAmountMissingIsTold) {
  LPMC_SKIP_WITHOUT_FFMPEG();
  const TemporaryFolder folder;
  const std::string bytes = make(folder, "a.flac");
  test::write_bytes(folder / "a.flac", std::string_view(bytes).substr(0, bytes.size() / 2));
  EXPECT_THAT(read_all(folder / "a.flac").warnings,
              testing::Contains(testing::StartsWith("incomplete: the file declares 8.00 s of sound, 3.")));
}

class Hole : public testing::TestWithParam<const char*> {};

TEST_P(Hole, WarnsAndGoesOn) {
  LPMC_SKIP_WITHOUT_FFMPEG();
  const TemporaryFolder folder;
  std::string bytes = make(folder, GetParam());
  if (bytes.empty()) GTEST_SKIP() << "this ffmpeg cannot make " << GetParam();
  const std::vector<std::int16_t> whole = read_all(folder / GetParam()).samples;
  std::uint32_t noise = 5;
  for (std::size_t i = bytes.size() / 2; i < bytes.size() / 2 + 3000; ++i) {
    noise = noise * 1664525U + 1013904223U;
    bytes[i] = static_cast<char>(noise >> 24);
  }
  test::write_bytes(folder / GetParam(), bytes);
  const Outcome damaged = read_all(folder / GetParam());
  EXPECT_THAT(damaged.warnings, testing::Contains(HasSubstr("damaged: ")));
  EXPECT_GT(damaged.samples.size(), 16000U * 6);
  // Before the hole the sound is the same; behind it, what is lost may have moved it.
  EXPECT_TRUE(std::equal(damaged.samples.begin(), damaged.samples.begin() + 16000 * 2, whole.begin()));
  EXPECT_TRUE(damaged.samples == test::ffmpeg_samples(folder / GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Formats, Hole, testing::Values("a.mp3", "a.flac", "a.ogg", "a.m4a"),
                         [](const auto& instance) { return std::string(instance.param).substr(2); });

TEST(Damage, NaNAndInfinityBecomeZero) {
  const TemporaryFolder folder;
  std::vector<float> samples(16000);
  for (std::size_t i = 0; i < samples.size(); ++i)
    samples[i] = 0.25F * std::sin(0.1F * static_cast<float>(i));
  std::vector<float> clean = samples;
  samples[100] = std::numeric_limits<float>::quiet_NaN();
  samples[5000] = std::numeric_limits<float>::infinity();
  samples[15999] = -std::numeric_limits<float>::infinity();
  for (const std::size_t i : {100U, 5000U, 15999U})
    clean[i] = 0;
  for (const int rate : {16000, 44100}) {
    test::write_float_wav(folder / "nan.wav", samples, rate);
    test::write_float_wav(folder / "clean.wav", clean, rate);
    const Outcome outcome = read_all(folder / "nan.wav");
    EXPECT_THAT(outcome.samples, testing::ContainerEq(read_all(folder / "clean.wav").samples)) << rate;
    EXPECT_THAT(outcome.warnings, testing::ElementsAre("3 samples NaN or infinite: taken as 0"));
  }
}

TEST(Damage, AllNaNIsSilence) {
  const TemporaryFolder folder;
  test::write_float_wav(folder / "a.wav", std::vector<float>(5000, std::numeric_limits<float>::quiet_NaN()),
                        44100);
  const Outcome outcome = read_all(folder / "a.wav");
  EXPECT_THAT(outcome.samples, testing::Each(0));
  EXPECT_THAT(outcome.warnings, testing::ElementsAre("5000 samples NaN or infinite: taken as 0"));
}

TEST(Damage, LoudFloatsAreClipped) {
  const TemporaryFolder folder;
  test::write_float_wav(folder / "a.wav", std::vector<float>{3.0F, -3.0F, 1000.0F, -1000.0F, 0.5F}, 16000);
  EXPECT_THAT(read_all(folder / "a.wav").samples, testing::ElementsAre(32767, -32768, 32767, -32768, 16384));
}

TEST(Damage, ARateThatChangesOnTheWay) {
  LPMC_SKIP_WITHOUT_FFMPEG();
  const TemporaryFolder folder;
  test::write_wav(folder / "one.wav", test::tones(44100 * 3, 44100, 2), {44100, 2});
  test::write_wav(folder / "two.wav", test::tones(22050 * 4, 22050, 1), {22050, 1});
  std::string bytes;
  for (const char* const name : {"one", "two"}) {
    const auto mp3 = folder / (std::string(name) + ".mp3");
    if (!test::try_ffmpeg({"-i", (folder / (std::string(name) + ".wav")).native(), "-c:a", "libmp3lame",
                           "-write_xing", "0", "-id3v2_version", "0", mp3.native()})) {
      GTEST_SKIP() << "this ffmpeg cannot make mp3";
    }
    bytes += test::read_file(mp3);
  }
  test::write_bytes(folder / "both.mp3", bytes);
  const std::vector<std::int16_t> found = read_all(folder / "both.mp3").samples;
  // Each part as long as alone, with at most a frame lost where they meet.
  EXPECT_NEAR(static_cast<double>(found.size()) / 16000, 7.0, 0.2);
  // ffmpeg may lose what is in the filter at the change; what follows is the same.
  const std::vector<std::int16_t> expected = test::ffmpeg_samples(folder / "both.mp3");
  EXPECT_TRUE(std::equal(found.end() - 48000, found.end(), expected.end() - 48000));
}

}  // namespace
}  // namespace lpmc
