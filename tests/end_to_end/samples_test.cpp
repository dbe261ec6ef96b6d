// Real recordings through every format, judged by other programs: a JSON Schema validator, ffprobe.

#include <fstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/end_to_end/lpmc_program.h"

namespace lpmc::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// The recording that ships, and those beside the fixtures where they are.
std::vector<std::string> recordings() {
  std::vector<std::string> files = {LPMC_SOURCE_DIR "/samples/metal_madness_30s.ogg"};
  for (const char* name : {"samples/orchestra.wav", "samples/electronic.mp3"}) {
    if (const auto path = shared_path(name)) files.push_back(path->string());
  }
  return files;
}

TEST(Samples, JsonFollowsTheSchema) {
  const TemporaryFolder folder;
  std::vector<std::string> command = {"caption", "--format", "jsonl", "--n-best", "2", "--tokens"};
  const auto files = recordings();
  command.insert(command.end(), files.begin(), files.end());
  const ProgramResult result = lpmc(command);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  ASSERT_EQ(lines_of(result.out).size(), files.size());
  std::ofstream(folder / "captions.jsonl") << result.out;
  constexpr const char* kValidate =
      "import json, sys, jsonschema\n"
      "schema = json.load(open(sys.argv[1]))\n"
      "for line in open(sys.argv[2]):\n"
      "    jsonschema.validate(json.loads(line), schema)\n"
      "print('valid')\n";
  const ProgramResult valid =
      run_program({system_python(), "-c", kValidate, LPMC_SOURCE_DIR "/docs/caption.schema.json",
                   (folder / "captions.jsonl").string()});
  if (valid.err.find("No module named 'jsonschema'") != std::string::npos)
    GTEST_SKIP() << "no python3 with jsonschema";
  EXPECT_EQ(valid.out, "valid\n") << valid.err;
}

TEST(Samples, SubtitlesAreReadByFfprobe) {
  if (!program_exists("ffprobe")) GTEST_SKIP() << "no ffprobe on PATH";
  const TemporaryFolder folder;
  for (const std::string& file : recordings()) {
    const json captions = json::parse(lpmc({"caption", file, "-f", "json"}).out);
    for (const auto& [format, codec] : {std::pair{"srt", "subrip"}, std::pair{"vtt", "webvtt"}}) {
      const std::string output = folder / ("captions." + std::string(format));
      ASSERT_EQ(lpmc({"caption", file, "-f", format, "-o", output}).exit_code, 0);
      const ProgramResult probe =
          run_program({"ffprobe", "-v", "error", "-count_packets", "-show_entries",
                       "stream=codec_name,nb_read_packets", "-of", "csv=p=0", output});
      EXPECT_EQ(probe.out, std::string(codec) + "," + std::to_string(captions["segments"].size()) + "\n")
          << probe.err;
      EXPECT_EQ(probe.err, "");
    }
  }
}

TEST(Samples, OtherFormatsHaveALineForEverySegment) {
  for (const std::string& file : recordings()) {
    const std::size_t segments = json::parse(lpmc({"caption", file, "-f", "json"}).out)["segments"].size();
    EXPECT_EQ(lines_of(lpmc({"caption", file}).out).size(), segments);
    EXPECT_EQ(lines_of(lpmc({"caption", file, "-f", "csv"}).out).size(), segments + 1);
    EXPECT_GE(lines_of(lpmc({"caption", file, "-f", "lrc"}).out).size(), segments);
  }
}

/// What the README and ./demo show is true of the recording: a metal song with distorted guitar.
TEST(Samples, TheShippedRecordingIsDescribedTruly) {
  const json captions = json::parse(lpmc({"caption", recordings().front(), "-f", "json"}).out);
  ASSERT_EQ(captions["segments"].size(), 3U);
  for (const json& segment : captions["segments"]) {
    EXPECT_THAT(segment["text"].get<std::string>(), HasSubstr("heavy metal song"));
    EXPECT_THAT(segment["text"].get<std::string>(), HasSubstr("distorted electric guitar"));
  }
}

/// 480,214 samples at 16 kHz, as the reference loader reads them.
TEST(Samples, OrchestraHasTheReferencesLength) {
  const auto file = shared_path("samples/orchestra.wav");
  if (!file) GTEST_SKIP() << "no samples beside the folder of fixtures";
  const json captions = json::parse(lpmc({"caption", file->string(), "-f", "json"}).out);
  EXPECT_EQ(captions["duration_s"].get<double>(), 30.013);  // 480214 / 16000, to the millisecond
  EXPECT_EQ(captions["segments"].size(), 3U);               // the last 0.013 s are no piece
}

}  // namespace
}  // namespace lpmc::test
