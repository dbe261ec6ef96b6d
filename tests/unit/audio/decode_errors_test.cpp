#include <array>
#include <cmath>
#include <limits>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lpmc/audio/decode.h"
#include "lpmc/base/error.h"
#include "lpmc/base/log.h"

#include "tests/support/fixtures.h"
#include "tests/unit/audio/media.h"

namespace lpmc {
namespace {

using test::TemporaryFolder;
using testing::HasSubstr;

struct Failure {
  std::string kind = "none";
  std::string message;
};

Failure failure_of(const std::filesystem::path& path, const DecodeOptions& options = {}) {
  try {
    decode_all(path, options);
    return {};
  } catch (const Error& error) {
    return {std::string(to_string(error.kind())), error.what()};
  }
}

TEST(DecodeErrors, MissingFile) {
  const Failure failure = failure_of("/no/such/folder/a.wav");
  EXPECT_EQ(failure.kind, "not_found");
  EXPECT_THAT(failure.message, HasSubstr("/no/such/folder/a.wav"));
}

TEST(DecodeErrors, Folder) {
  const TemporaryFolder folder;
  const Failure failure = failure_of(folder.path());
  EXPECT_EQ(failure.kind, "invalid_argument");
  EXPECT_THAT(failure.message, HasSubstr("found a folder"));
}

TEST(DecodeErrors, EmptyFile) {
  const TemporaryFolder folder;
  test::write_bytes(folder / "a.mp3", "");
  const Failure failure = failure_of(folder / "a.mp3");
  EXPECT_EQ(failure.kind, "corrupt");
  EXPECT_THAT(failure.message, testing::EndsWith("a.mp3: empty file"));
  EXPECT_THAT(failure_of("/dev/null").message, testing::EndsWith("/dev/null: empty file"));
}

TEST(DecodeErrors, NotSound) {
  const TemporaryFolder folder;
  test::write_bytes(folder / "a.txt", "Dear diary, today I listened to music.\n");
  EXPECT_EQ(failure_of(folder / "a.txt").kind, "unsupported");
  std::filesystem::rename(folder / "a.txt", folder / "a.mp3");
  EXPECT_EQ(failure_of(folder / "a.mp3").kind, "corrupt");
  test::write_bytes(folder / "zeros.bin", std::string(100000, '\0'));
  EXPECT_NE(failure_of(folder / "zeros.bin").kind, "none");
}

TEST(DecodeErrors, NoAudioStream) {
  LPMC_SKIP_WITHOUT_FFMPEG();
  const TemporaryFolder folder;
  const auto file = folder / "silent.mkv";
  test::run_ffmpeg({"-f", "lavfi", "-i", "testsrc=d=1:s=64x48:r=5", "-c:v", "mpeg4", file.native()});
  const Failure failure = failure_of(file);
  EXPECT_EQ(failure.kind, "unsupported");
  EXPECT_THAT(failure.message, testing::EndsWith("silent.mkv: no audio stream (1 video stream)"));
}

TEST(DecodeErrors, AHeaderWithoutSamples) {
  const TemporaryFolder folder;
  test::write_bytes(folder / "a.wav", test::wav_header({}, 0));
  EXPECT_EQ(failure_of(folder / "a.wav").kind, "corrupt");
}

TEST(DecodeErrors, AbsurdParameters) {
  const TemporaryFolder folder;
  const std::vector<std::int16_t> samples = test::tones(6500);
  for (const auto& [rate, channels] :
       {std::pair{0, 1}, {-1, 1}, {2'000'000'000, 1}, {7, 1}, {16000, 0}, {16000, 65}, {16000, 30000}}) {
    test::write_wav(folder / "a.wav", samples, {rate, channels});
    EXPECT_NE(failure_of(folder / "a.wav").kind, "none") << rate << ' ' << channels;
  }
  for (const auto& [rate, channels] : {std::pair{100, 1}, {767'999, 1}, {16000, 64}}) {
    test::write_wav(folder / "a.wav", samples, {rate, channels});
    EXPECT_EQ(failure_of(folder / "a.wav").kind, "none") << rate << ' ' << channels;
  }
}

TEST(DecodeErrors, WrongOptions) {
  const TemporaryFolder folder;
  test::write_wav(folder / "a.wav", test::tones(1600));
  const auto kind = [&](double start_s, double duration_s, int rate = 16000) {
    DecodeOptions options;
    options.start_s = start_s;
    options.duration_s = duration_s;
    options.sample_rate = rate;
    return failure_of(folder / "a.wav", options).kind;
  };
  EXPECT_EQ(kind(-1, 1), "invalid_argument");
  EXPECT_EQ(kind(std::nan(""), 1), "invalid_argument");
  EXPECT_EQ(kind(std::numeric_limits<double>::infinity(), 1), "invalid_argument");
  EXPECT_EQ(kind(0, 0), "invalid_argument");
  EXPECT_EQ(kind(0, -1), "invalid_argument");
  EXPECT_EQ(kind(0, std::nan("")), "invalid_argument");
  EXPECT_EQ(kind(0, 1, 0), "invalid_argument");
  EXPECT_EQ(kind(0, std::numeric_limits<double>::infinity()), "none");
}

TEST(DecodeErrors, AStartBehindTheEnd) {
  const TemporaryFolder folder;
  test::write_wav(folder / "a.wav", test::tones(32000));
  for (const double start_s : {2.0, 2.5, 100.0, 1e9}) {  // the later ones by seeking
    DecodeOptions options;
    options.start_s = start_s;
    const Failure failure = failure_of(folder / "a.wav", options);
    EXPECT_EQ(failure.kind, "invalid_argument") << start_s;
    EXPECT_THAT(failure.message, HasSubstr("end of the sound at 2.000 s")) << start_s;
  }
}

TEST(DecodeErrors, NamesAreOnlyNames) {
  const TemporaryFolder folder;
  const std::vector<std::int16_t> samples = test::tones(1600);
  const test::WorkingFolder working(folder.path());
  for (const std::string name : {"-i.wav",
                                 "--help",
                                 "it's \"quoted\".wav",
                                 "$(touch x).wav",
                                 "`x`;rm *.wav",
                                 "two\nlines.wav",
                                 "\xff\xfe.wav",
                                 "concat:a.wav|b.wav",
                                 "file:a.wav",
                                 "pipe:0",

                                 "%d.wav",
                                 "a.wav?b=c#d",
                                 "data:,x",
                                 "crypto:a.wav",
                                 "subfile,,start,0,end,5,,:a.wav",
                                 "async:a.wav",
                                 "lavfi",
                                 "sine=f=440",
                                 " .wav",
                                 "wav."}) {
    test::write_wav(name, samples);
    const Failure failure = failure_of(name);
    EXPECT_EQ(failure.kind, "none") << name << ": " << failure.message;
  }
  std::filesystem::create_directories("http:/localhost");
  test::write_wav("http:/localhost/a.wav", samples);
  EXPECT_EQ(failure_of("http://localhost/a.wav").kind, "none") << "a relative path with a doubled slash";
  for (const char* const name :
       {"concat:-i.wav|-i.wav", "file:-i.wav", "http://127.0.0.1:9/a.wav", "pipe:1"}) {
    EXPECT_EQ(failure_of(name).kind, "not_found") << name;
  }
}

TEST(DecodeErrors, NamesInMessagesArePrintable) {
  EXPECT_THAT(failure_of("/no/two\nlines\xff").message, testing::StartsWith("/no/two\\nlines\xEF\xBF\xBD"));
}

TEST(DecodeErrors, PlaylistsAreRefused) {
  const TemporaryFolder folder;
  test::write_wav(folder / "a.wav", test::tones(1600));
  const std::string target = (folder / "a.wav").native();
  test::write_bytes(folder / "a.m3u8",
                    "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n" + target + "\n#EXT-X-ENDLIST\n");
  test::write_bytes(folder / "a.ffconcat", "ffconcat version 1.0\nfile '" + target + "'\n");
  test::write_bytes(
      folder / "a.sdp",
      "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n");
  test::write_bytes(
      folder / "a.mpd",
      "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" "
      "profiles=\"urn:mpeg:dash:profile:isoff-main:2011\"><Period><AdaptationSet><Representation "
      "id=\"0\"><BaseURL>" +
          target + "</BaseURL></Representation></AdaptationSet></Period></MPD>");
  for (const char* const name : {"a.m3u8", "a.ffconcat", "a.sdp", "a.mpd"}) {
    const Failure failure = failure_of(folder / name);
    EXPECT_EQ(failure.kind, "unsupported") << name << ": " << failure.message;
  }
}

TEST(DecodeErrors, PipesWork) {
  const TemporaryFolder folder;
  const std::vector<std::int16_t> samples = test::tones(40000);
  std::string bytes = test::wav_header({}, 80000);
  bytes.append(reinterpret_cast<const char*>(samples.data()), 80000);
  const auto pipe = folder / "pipe.wav";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const std::jthread writer([&] { test::write_bytes(pipe, bytes); });
  DecodeOptions options;
  options.start_s = 1;
  EXPECT_THAT(test::to_steps(decode_all(pipe, options).values<float>()),
              testing::ElementsAreArray(samples.begin() + 16000, samples.end()));
}

TEST(DecodeErrors, AskedToStopBefore) {
  const TemporaryFolder folder;
  test::write_wav(folder / "a.wav", test::tones(16000));
  std::stop_source stop;
  stop.request_stop();
  try {
    AudioReader reader(folder / "a.wav", {}, stop.get_token());
    FAIL() << "not cancelled";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::cancelled);
  }
}

TEST(DecodeErrors, AskedToStopBetweenReads) {
  const TemporaryFolder folder;
  test::write_wav(folder / "a.wav", test::tones(160000));
  std::stop_source stop;
  AudioReader reader(folder / "a.wav", {}, stop.get_token());
  std::vector<float> piece(16000);
  EXPECT_EQ(reader.read(piece), piece.size());
  stop.request_stop();
  try {
    reader.read(piece);
    FAIL() << "not cancelled";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::cancelled);
  }
}

TEST(DecodeErrors, FfmpegLogsGoToTheLogAlone) {
  const TemporaryFolder folder;
  test::write_bytes(folder / "a.mp3", std::string(5000, 'x'));
  std::vector<std::string> messages;
  set_log_sink([&](LogLevel level, std::string_view message) {
    EXPECT_EQ(level, LogLevel::debug);
    messages.emplace_back(message);
  });
  testing::internal::CaptureStderr();
  failure_of(folder / "a.mp3");
  const std::string printed = testing::internal::GetCapturedStderr();
  set_log_sink({});
  EXPECT_EQ(printed, "");
  EXPECT_THAT(messages, testing::Contains(testing::StartsWith("ffmpeg: [mp3 @ ")));
}

}  // namespace
}  // namespace lpmc
