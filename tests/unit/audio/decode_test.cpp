#include "lpmc/audio/decode.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lpmc/base/error.h"

#include "tests/support/fixtures.h"
#include "tests/unit/audio/media.h"

namespace lpmc {
namespace {

using test::TemporaryFolder;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kAddressSanitizer = true;
#elif defined(__has_feature)
constexpr bool kAddressSanitizer = __has_feature(address_sanitizer);
#else
constexpr bool kAddressSanitizer = false;
#endif

std::vector<std::int16_t> decoded(const std::filesystem::path& path, const DecodeOptions& options = {}) {
  return test::to_steps(decode_all(path, options).values<float>());
}

/// A kind of file, and how ffmpeg makes one from a 44.1 kHz stereo wav.
struct Format {
  const char* name;  // of the file
  std::vector<std::string> arguments;
};

void PrintTo(const Format& format, std::ostream* out) {
  *out << format.name;
}

class DecodeFormat : public testing::TestWithParam<Format> {};

TEST_P(DecodeFormat, EqualsTheFfmpegProgram) {
  LPMC_SKIP_WITHOUT_FFMPEG();
  const TemporaryFolder folder;
  test::write_wav(folder / "source.wav", test::tones(44100 * 5 + 1234, 44100, 2), {44100, 2});
  const auto file = folder / GetParam().name;
  std::vector<std::string> arguments = {"-i", (folder / "source.wav").native()};
  arguments.insert(arguments.end(), GetParam().arguments.begin(), GetParam().arguments.end());
  arguments.push_back(file.native());
  if (!test::try_ffmpeg(arguments)) GTEST_SKIP() << "this ffmpeg cannot make " << GetParam().name;

  const std::vector<std::int16_t> expected = test::ffmpeg_samples(file);
  const std::vector<std::int16_t> found = decoded(file);
  EXPECT_EQ(found.size(), expected.size());
  EXPECT_THAT(found, testing::ContainerEq(expected));
  EXPECT_NEAR(static_cast<double>(found.size()) / 16000, 5.03, 0.15);
  AudioReader reader(file);
  std::vector<float> samples(200000);
  reader.read(samples);
  EXPECT_THAT(reader.warnings(), testing::IsEmpty());
  EXPECT_GE(reader.info().channels, 1);
}

const std::string kVideo = "testsrc=d=5:s=64x48:r=10";
const std::string kSurround = "pan=7.1|FL=c0|FR=c1|FC=0.5*c0|LFE=c1|BL=0.3*c0|BR=c1|SL=c0|SR=0.7*c1";

INSTANTIATE_TEST_SUITE_P(
    Formats, DecodeFormat,
    testing::Values(
        Format{"mono_8k.wav", {"-ac", "1", "-ar", "8000"}}, Format{"stereo_44k1.wav", {}},
        Format{"as_is.wav", {"-ac", "1", "-ar", "16000"}},
        Format{"unsigned_8.wav", {"-ac", "1", "-ar", "16000", "-c:a", "pcm_u8"}},
        Format{"surround_96k.wav", {"-af", kSurround, "-ar", "96000", "-c:a", "pcm_s24le"}},
        Format{"int_24.wav", {"-c:a", "pcm_s24le"}}, Format{"int_32.wav", {"-c:a", "pcm_s32le"}},
        Format{"float_32.wav", {"-c:a", "pcm_f32le"}}, Format{"float_64.wav", {"-c:a", "pcm_f64le"}},
        Format{"odd_rate.wav", {"-ar", "44056"}}, Format{"adpcm.wav", {"-c:a", "adpcm_ms"}},
        Format{"mu_law.au", {"-ar", "8000", "-c:a", "pcm_mulaw"}}, Format{"big_endian.aiff", {}},
        Format{"a.w64", {}}, Format{"a.flac", {}},
        Format{"hires.flac", {"-ar", "96000", "-sample_fmt", "s32"}},
        Format{"cbr.mp3", {"-c:a", "libmp3lame", "-b:a", "128k"}},
        Format{"vbr.mp3", {"-c:a", "libmp3lame", "-q:a", "5"}},
        Format{"mpeg2_lsf.mp3", {"-c:a", "libmp3lame", "-ar", "22050"}},
        Format{"no_header.mp3", {"-c:a", "libmp3lame", "-write_xing", "0"}},
        Format{"vorbis.ogg", {"-c:a", "libvorbis"}}, Format{"flac.ogg", {"-c:a", "flac"}},
        Format{"a.opus", {"-c:a", "libopus"}}, Format{"a.m4a", {"-c:a", "aac"}},
        Format{"lossless.m4a", {"-c:a", "alac"}}, Format{"raw.aac", {"-c:a", "aac"}},
        Format{"a.wma", {"-c:a", "wmav2"}}, Format{"a.ac3", {"-c:a", "ac3"}},
        Format{"a.wv", {"-c:a", "wavpack"}}, Format{"a.mka", {"-c:a", "libvorbis"}},
        Format{"video.mp4", {"-f", "lavfi", "-i", kVideo, "-c:v", "mpeg4", "-c:a", "aac"}},
        Format{"video.mkv", {"-f", "lavfi", "-i", kVideo, "-c:v", "mpeg4", "-c:a", "libopus"}},
        Format{"video.webm", {"-f", "lavfi", "-i", kVideo, "-c:v", "libvpx", "-c:a", "libvorbis"}},
        Format{"video.ts", {"-f", "lavfi", "-i", kVideo, "-c:v", "mpeg2video", "-c:a", "mp2"}},
        Format{"video.avi", {"-f", "lavfi", "-i", kVideo, "-c:v", "mpeg4", "-c:a", "libmp3lame"}}),
    [](const auto& instance) {
      std::string name = instance.param.name;
      std::replace(name.begin(), name.end(), '.', '_');
      return name;
    });

class DecodeSample : public testing::TestWithParam<const char*> {};

TEST_P(DecodeSample, EqualsTheFfmpegProgram) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  LPMC_SKIP_WITHOUT_FFMPEG();
  const auto path = test::shared_path(std::string("samples/") + GetParam());
  if (!path) GTEST_SKIP() << "no samples/" << GetParam();
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(*path)) {
    for (const auto& entry : std::filesystem::directory_iterator(*path)) {
      if (entry.path().extension() == ".ogg") files.push_back(entry.path());
    }
  } else {
    files.push_back(*path);
  }
  ASSERT_FALSE(files.empty());
  for (const auto& file : files) {
    EXPECT_TRUE(decoded(file) == test::ffmpeg_samples(file)) << file;
  }
}

INSTANTIATE_TEST_SUITE_P(Recordings, DecodeSample, testing::Values("orchestra.wav", "electronic.mp3", "free"),
                         [](const auto& instance) {
                           const std::string name = instance.param;
                           return name.substr(0, name.find('.'));
                         });

TEST(Decode, OrchestraHas480214Samples) {
  LPMC_SKIP_WITHOUT_FIXTURES();
  const auto path = test::shared_path("samples/orchestra.wav");
  if (!path) GTEST_SKIP() << "no samples/orchestra.wav";
  EXPECT_EQ(decode_all(*path).elements(), 480214);
}

TEST(Decode, SixteenBitsAtTheRateWantedPassUnchanged) {
  const TemporaryFolder folder;
  const std::vector<std::int16_t> samples = test::tones(50000);
  test::write_wav(folder / "a.wav", samples);
  EXPECT_THAT(decoded(folder / "a.wav"), testing::ContainerEq(samples));
}

TEST(Decode, ExtremesOfSixteenBitsStayInRange) {
  const TemporaryFolder folder;
  const std::vector<std::int16_t> samples = {-32768, 32767, 0, -1, 1};
  test::write_wav(folder / "a.wav", samples);
  EXPECT_THAT(decode_all(folder / "a.wav").values<float>(),
              testing::ElementsAre(-1.0F, 32767.0F / 32768, 0.0F, -1.0F / 32768, 1.0F / 32768));
}

TEST(Decode, TheSizeOfReadsDoesNotMatter) {
  const TemporaryFolder folder;
  test::write_wav(folder / "a.wav", test::tones(44100, 44100), {44100, 1});
  const Tensor whole = decode_all(folder / "a.wav");
  for (const std::size_t size : {1U, 7U, 1000U, 15999U}) {
    AudioReader reader(folder / "a.wav");
    std::vector<float> samples, piece(size);
    std::size_t count = 0;
    do {
      count = reader.read(piece);
      samples.insert(samples.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(count));
    } while (count == size);
    EXPECT_EQ(reader.read(piece), 0U);
    EXPECT_THAT(samples, testing::ElementsAreArray(whole.values<float>())) << size;
  }
}

TEST(Decode, OtherRates) {
  LPMC_SKIP_WITHOUT_FFMPEG();
  const TemporaryFolder folder;
  test::write_wav(folder / "a.wav", test::tones(30000, 44100), {44100, 1});
  for (const int rate : {8000, 22050, 44100, 48000}) {
    DecodeOptions options;
    options.sample_rate = rate;
    EXPECT_TRUE(decoded(folder / "a.wav", options) == test::ffmpeg_samples(folder / "a.wav", rate)) << rate;
  }
}

TEST(Decode, ManyChannelsWithoutPlacesAreAveraged) {
  const TemporaryFolder folder;
  std::vector<std::int16_t> samples;
  for (int n = 0; n < 1000; ++n) {
    for (int channel = 0; channel < 13; ++channel)  // no version of FFmpeg has a layout of 13
      samples.push_back(static_cast<std::int16_t>(100 * channel));
  }
  test::write_wav(folder / "a.wav", samples, {16000, 13});
  for (const std::int16_t sample : decoded(folder / "a.wav"))
    ASSERT_NEAR(sample, 600, 1);
}

TEST(Decode, TheStreamWithMostChannelsIsRead) {
  LPMC_SKIP_WITHOUT_FFMPEG();
  const TemporaryFolder folder;
  test::write_wav(folder / "mono.wav", test::tones(44100, 44100, 1), {44100, 1});
  test::write_wav(folder / "stereo.wav", test::tones(88200, 44100, 2), {44100, 2});
  const auto file = folder / "two.mka";
  test::run_ffmpeg({"-i", (folder / "mono.wav").native(), "-i", (folder / "stereo.wav").native(), "-map", "0",
                    "-map", "1", "-c", "copy", "-disposition:a", "0", file.native()});
  EXPECT_EQ(AudioReader(file).info().channels, 2);
  EXPECT_TRUE(decoded(file) == test::ffmpeg_samples(file));
}

TEST(Decode, TellsWhatTheFileIs) {
  const TemporaryFolder folder;
  test::write_wav(folder / "a.wav", test::tones(44100, 22050, 2), {22050, 2});
  const AudioReader reader(folder / "a.wav");
  EXPECT_EQ(reader.info().container, "wav");
  EXPECT_EQ(reader.info().codec, "pcm_s16le");
  EXPECT_EQ(reader.info().sample_rate, 22050);
  EXPECT_EQ(reader.info().channels, 2);
  EXPECT_NEAR(reader.info().duration_s, 2, 1e-6);
  EXPECT_EQ(reader.path(), folder / "a.wav");
}

TEST(Decode, APartEqualsTheSliceOfTheWhole) {
  const TemporaryFolder folder;
  test::write_wav(folder / "a.wav", test::tones(44100 * 4, 44100), {44100, 1});
  const std::vector<std::int16_t> whole = decoded(folder / "a.wav");
  struct Part {
    double start_s, duration_s;
    std::size_t from, to;
  };
  for (const Part& part : {Part{0, 1, 0, 16000}, Part{0.5, 1.25, 8000, 28000}, Part{3.9, 10, 62400, 64000},
                           Part{1.00001, 0.0001, 16000, 16002}, Part{2, 1e9, 32000, 64000}}) {
    DecodeOptions options;
    options.start_s = part.start_s;
    options.duration_s = part.duration_s;
    const std::vector<std::int16_t> slice(whole.begin() + static_cast<std::ptrdiff_t>(part.from),
                                          whole.begin() + static_cast<std::ptrdiff_t>(part.to));
    EXPECT_THAT(decoded(folder / "a.wav", options), testing::ContainerEq(slice)) << part.start_s;
  }
}

/// Two minutes; the seek goes to second 100.
class SeekFormat : public testing::TestWithParam<Format> {};

TEST_P(SeekFormat, ALateStartIsExact) {
  LPMC_SKIP_WITHOUT_FFMPEG();
  const TemporaryFolder folder;
  test::write_wav(folder / "source.wav", test::tones(44100 * 120 + 777, 44100, 1), {44100, 1});
  const auto file = folder / GetParam().name;
  std::vector<std::string> arguments = {"-i", (folder / "source.wav").native()};
  arguments.insert(arguments.end(), GetParam().arguments.begin(), GetParam().arguments.end());
  arguments.push_back(file.native());
  if (!test::try_ffmpeg(arguments)) GTEST_SKIP() << "this ffmpeg cannot make " << GetParam().name;
  const std::vector<std::int16_t> whole = decoded(file);
  DecodeOptions options;
  options.start_s = 100.12345;
  const auto from = static_cast<std::ptrdiff_t>(std::llround(options.start_s * 16000));
  const std::vector<std::int16_t> part = decoded(file, options);
  ASSERT_EQ(part.size(), whole.size() - static_cast<std::size_t>(from));
  double difference = 0, energy = 0, largest = 0;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const double want = whole[static_cast<std::size_t>(from) + i], error = part[i] - want;
    difference += error * error;
    energy += want * want;
    largest = std::max(largest, std::abs(error));
  }
  if (std::string_view(GetParam().name) == "a.m4a") {
    // AAC fills noisy bands with random numbers; a sample's shift would show as a ratio near 1.
    EXPECT_LT(std::sqrt(difference / energy), 0.02);
  } else {
    EXPECT_LE(largest, 1);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Formats, SeekFormat,
    testing::Values(Format{"a.wav", {"-c", "copy"}}, Format{"adpcm.wav", {"-c:a", "adpcm_ms"}},
                    Format{"a.w64", {}}, Format{"a.aiff", {}}, Format{"a.flac", {}},
                    Format{"vorbis.ogg", {"-c:a", "libvorbis"}}, Format{"flac.ogg", {"-c:a", "flac"}},
                    Format{"a.opus", {"-c:a", "libopus"}}, Format{"cbr.mp3", {"-c:a", "libmp3lame"}},
                    Format{"vbr.mp3", {"-c:a", "libmp3lame", "-q:a", "4"}}, Format{"a.m4a", {"-c:a", "aac"}},
                    Format{"lossless.m4a", {"-c:a", "alac"}}, Format{"a.mka", {"-c:a", "libvorbis"}}),
    [](const auto& instance) {
      std::string name = instance.param.name;
      std::replace(name.begin(), name.end(), '.', '_');
      return name;
    });

/// A wav of silence that takes no room on the disk.
void write_sparse_wav(const std::filesystem::path& path, std::int64_t seconds) {
  const auto bytes = static_cast<std::uint32_t>(seconds * 8000);
  test::write_bytes(path, test::wav_header({8000, 1, 8}, bytes));
  ASSERT_EQ(::truncate(path.c_str(), 44 + static_cast<off_t>(bytes)), 0);
}

TEST(Decode, ALateStartDoesNotReadWhatIsBeforeIt) {
  const TemporaryFolder folder;
  write_sparse_wav(folder / "hours.wav", 36000);
  DecodeOptions options;
  options.start_s = 9 * 3600.0;
  options.duration_s = 1;
  rusage before{}, after{};
  ::getrusage(RUSAGE_SELF, &before);
  const std::vector<std::int16_t> samples = decoded(folder / "hours.wav", options);
  ::getrusage(RUSAGE_SELF, &after);
  ASSERT_EQ(samples.size(), 16000U);
  // Zero bytes are the lowest step of 8-bit samples; the filter's ripple is a few steps of 16 bits.
  EXPECT_THAT(samples, testing::Each(testing::Lt(-32750)));
  // Decoding nine hours takes several seconds of processor time.
  EXPECT_LT(after.ru_utime.tv_sec - before.ru_utime.tv_sec, 2);
}

TEST(Decode, MemoryDoesNotGrowWithTheLength) {
  if (kAddressSanitizer) GTEST_SKIP() << "AddressSanitizer keeps freed memory";
  const TemporaryFolder folder;
  write_sparse_wav(folder / "half_an_hour.wav", 1800);
  AudioReader reader(folder / "half_an_hour.wav");
  std::vector<float> piece(16000);
  const auto peak_kib = [] {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  for (int second = 0; second < 10; ++second)
    ASSERT_EQ(reader.read(piece), piece.size());
  const long early = peak_kib();
  std::int64_t rest = 0;
  while (const std::size_t count = reader.read(piece))
    rest += static_cast<std::int64_t>(count);
  EXPECT_EQ(rest, 1790 * 16000);
  // All of it as float32 would be 112 MiB, as 16 bits 56 MiB.
  EXPECT_LT(peak_kib() - early, 1024);
}

TEST(Decode, AllInOnePieceHasALimit) {
  const TemporaryFolder folder;
  test::write_wav(folder / "a.wav", test::tones(1000));
  EXPECT_EQ(decode_all(folder / "a.wav", {}, 1000).elements(), 1000);
  EXPECT_THROW(decode_all(folder / "a.wav", {}, 999), Error);
}

}  // namespace
}  // namespace lpmc
