// `lpmc caption` on one file: formats, flags, errors.

#include <cmath>
#include <fstream>
#include <limits>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/end_to_end/lpmc_program.h"

namespace lpmc::test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

class CaptionOneFile : public ::testing::Test {
 protected:
  CaptionOneFile() { write_wav(song_, chord_int16(24)); }
  std::string song() const { return song_.string(); }
  json caption_json(std::vector<std::string> flags) const {
    flags.insert(flags.begin(), {"caption", song(), "--format", "json"});
    const ProgramResult result = lpmc(flags);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return json::parse(result.out);
  }

  TemporaryFolder folder_;
  std::filesystem::path song_ = folder_ / "song.wav";
};

TEST_F(CaptionOneFile, PrintsALineForEverySegment) {
  const ProgramResult result = lpmc({"caption", song()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto lines = lines_of(result.out);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_THAT(lines[0], MatchesRegex("\\[0:00-0:10\\] .+"));
  EXPECT_THAT(lines[2], MatchesRegex("\\[0:20-0:24\\] .+"));
  EXPECT_EQ(result.err, "");
}

TEST_F(CaptionOneFile, JsonIsWhatTheSchemaSays) {
  const json captions = caption_json({});
  EXPECT_EQ(captions["file"], song());
  EXPECT_EQ(captions["duration_s"], 24.0);
  EXPECT_EQ(captions["model"], "default");
  ASSERT_EQ(captions["segments"].size(), 3U);
  EXPECT_EQ(captions["segments"][1]["time"], "0:10-0:20");
  EXPECT_FALSE(captions["track_caption"].get<std::string>().empty());
  EXPECT_FALSE(captions["segments"][0].contains("tokens"));
}

TEST_F(CaptionOneFile, BatchSizeAndThreadsChangeNothing) {
  const json base = caption_json({"--tokens"});
  for (const std::vector<std::string>& flags : {std::vector<std::string>{"--batch-size", "1"},
                                                {"--batch-size", "2", "--threads", "1"},
                                                {"--threads", "3"}}) {
    std::vector<std::string> all = flags;
    all.emplace_back("--tokens");
    const json other = caption_json(all);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(other["segments"][i]["tokens"], base["segments"][i]["tokens"]);
      EXPECT_NEAR(other["segments"][i]["score"].get<double>(), base["segments"][i]["score"].get<double>(),
                  1e-4);
    }
  }
}

TEST_F(CaptionOneFile, DtypeSetsTheArithmeticAndVerboseSaysWhy) {
  for (const std::string dtype : {"f32", "bf16", "int8"}) {
    const ProgramResult result = lpmc({"caption", song(), "--dtype", dtype, "-v"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(lines_of(result.out).size(), 3U);
    EXPECT_THAT(result.err,
                HasSubstr("default: weights stored as float16, computed in " + dtype + ": as asked"));
  }
  const ProgramResult result = lpmc({"caption", song(), "-v"});
  EXPECT_THAT(result.err, HasSubstr("that the model card vouches for"));
}

TEST_F(CaptionOneFile, Int8FoldersCaption) {
  const std::string int8 = (folder_ / "int8").string();
  ASSERT_EQ(lpmc({"model", "quantize", "--dtype", "int8", "-o", int8}).exit_code, 0);
  const ProgramResult result = lpmc({"caption", song(), "-m", int8, "--dtype", "int8"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  // The same rule quantizes at opening what was not stored so: the very same captions.
  EXPECT_EQ(result.out, lpmc({"caption", song(), "--dtype", "int8"}).out);
}

TEST_F(CaptionOneFile, HopTailStartAndDurationCutAsTheySay) {
  const auto times = [&](const std::vector<std::string>& flags) {
    std::vector<std::string> out;
    const json captions = caption_json(flags);
    for (const json& segment : captions["segments"])
      out.push_back(segment["time"]);
    return out;
  };
  EXPECT_EQ(times({"--tail", "drop"}), (std::vector<std::string>{"0:00-0:10", "0:10-0:20"}));
  EXPECT_EQ(times({"--hop", "7"}), (std::vector<std::string>{"0:00-0:10", "0:07-0:17", "0:14-0:24"}));
  EXPECT_EQ(times({"--start", "5", "--duration", "10"}), (std::vector<std::string>{"0:05-0:15"}));
}

TEST_F(CaptionOneFile, NBestGivesCandidatesInOrder) {
  const json captions = caption_json({"--n-best", "3"});
  const json& candidates = captions["segments"][0]["candidates"];
  ASSERT_EQ(candidates.size(), 3U);
  EXPECT_GE(candidates[0]["score"], candidates[1]["score"]);
  EXPECT_GE(candidates[1]["score"], candidates[2]["score"]);
  EXPECT_EQ(candidates[0]["text"], captions["segments"][0]["text"]);
}

TEST_F(CaptionOneFile, SamplingFollowsItsSeed) {
  const auto texts = [&](const char* seed) {
    return caption_json({"--sample", "--temperature", "1.5", "--seed", seed, "--tokens"})["segments"].dump();
  };
  EXPECT_EQ(texts("1"), texts("1"));
  EXPECT_NE(texts("1"), texts("2"));
}

TEST_F(CaptionOneFile, CompatOriginalPrintsWhatTheOriginalPrints) {
  const ProgramResult result = lpmc({"caption", song(), "--compat", "original"});
  const auto lines = lines_of(result.out);
  ASSERT_EQ(lines.size(), 2U) << result.err;
  EXPECT_THAT(lines[0], MatchesRegex("\\{'text': ['\"].+['\"], 'time': '0:00-10:00'\\}"));
  EXPECT_THAT(lines[1], HasSubstr("'time': '10:00-20:00'"));
  EXPECT_EQ(lpmc({"caption", song(), "--compat", "original", "--sample"}).exit_code, 0);
}

TEST_F(CaptionOneFile, EveryFormatComesOut) {
  for (const auto& [format, start] :
       std::vector<std::pair<std::string, std::string>>{{"text", "[0:00"},
                                                        {"json", "{"},
                                                        {"jsonl", "{\"file\""},
                                                        {"csv", "file,"},
                                                        {"srt", "1\n00:00:00,000 --> 00:00:10,000\n"},
                                                        {"vtt", "WEBVTT"},
                                                        {"lrc", "["}}) {
    const ProgramResult result = lpmc({"caption", song(), "-f", format});
    EXPECT_EQ(result.exit_code, 0) << format << result.err;
    EXPECT_THAT(result.out, StartsWith(start)) << format;
  }
}

TEST_F(CaptionOneFile, FlagsReadTheEnvironment) {
  ProgramInput input;
  input.environment = {{"LPMC_FORMAT", "jsonl"}, {"LPMC_NUM_BEAMS", "1"}};
  EXPECT_THAT(lpmc({"caption", song()}, input).out, StartsWith("{\"file\""));
  input.environment = {{"LPMC_FORMAT", "opus"}};
  const ProgramResult wrong = lpmc({"caption", song()}, input);
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("opus"));
}

TEST_F(CaptionOneFile, WrongUsageEndsWith2AndSaysWhy) {
  const auto fails = [&](std::vector<std::string> flags, const std::string& message) {
    flags.insert(flags.begin(), {"caption", song()});
    const ProgramResult result = lpmc(flags);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_THAT(result.err, HasSubstr(message));
    EXPECT_EQ(result.out, "");
  };
  fails({"--dtype", "int4"}, "expected auto|f32|bf16|int8, found 'int4'");
  fails({"--num-beams", "0"}, "num_beams: expected");
  fails({"--num-beams", "five"}, "num-beams");
  fails({"--n-best", "9"}, "n_best");
  fails({"--hop", "nan"}, "hop: expected");
  fails({"--tail", "keep"}, "tail: expected pad or drop, found 'keep'");
  fails({"--format", "docx"}, "docx");
  fails({"--shard", "3/2"}, "shard");
  fails({"--no-such-flag"}, "no-such-flag");
  fails({"-o", folder_.path().string() + "/x.json", "--sidecar", "txt"}, "found both");
  fails({"--skip-existing"}, "found neither");
  EXPECT_EQ(lpmc({"caption"}).exit_code, 2);
  EXPECT_EQ(lpmc({}).exit_code, 2);
  EXPECT_EQ(lpmc({"describe"}).exit_code, 2);
}

TEST_F(CaptionOneFile, AMissingModelEndsWith3) {
  ProgramResult result = lpmc({"caption", song(), "-m", "lp-musiccaps-transfer"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("model 'lp-musiccaps-transfer'"));
  result = lpmc({"caption", song(), "-m", "/no/such.pth"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("/no/such.pth: no such model"));
}

TEST_F(CaptionOneFile, WithoutVocabularyOnlyTokens) {
  const std::string model = (folder_ / "tiny").string();
  ASSERT_EQ(lpmc({"model", "init", "--preset", "tiny", "-o", model}).exit_code, 0);
  const ProgramResult text = lpmc({"caption", song(), "-m", model});
  EXPECT_EQ(text.exit_code, 3);
  EXPECT_THAT(text.err, HasSubstr("no vocab.json"));
  const ProgramResult tokens = lpmc({"caption", song(), "-m", model, "--tokens", "-f", "json"});
  ASSERT_EQ(tokens.exit_code, 0) << tokens.err;
  EXPECT_EQ(json::parse(tokens.out)["segments"][0]["tokens"][0], 2);
}

TEST_F(CaptionOneFile, HelpAndVersion) {
  const ProgramResult help = lpmc({"caption", "--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* flag :
       {"--format", "--num-beams", "--no-repeat-ngram", "--tail", "--sidecar", "Examples:"}) {
    EXPECT_THAT(help.out, HasSubstr(flag));
  }
  const ProgramResult version = lpmc({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.out, StartsWith("lpmc "));
  EXPECT_THAT(version.out, HasSubstr("instruction set: "));
}

/// What comes in badly: the exit code is 1, the message names the file, stdout stays empty.
class BadInput : public CaptionOneFile {
 protected:
  void expect_failure(const std::filesystem::path& file, const std::string& message) {
    const ProgramResult result = lpmc({"caption", "--", file.string()});
    EXPECT_EQ(result.exit_code, 1) << result.err;
    EXPECT_THAT(result.err, HasSubstr(message));
    EXPECT_EQ(result.out, "");
  }
};

TEST_F(BadInput, IsNamed) {
  expect_failure(folder_ / "none.wav", "none.wav");
  expect_failure(folder_.path(), "--recursive");
  std::ofstream(folder_ / "empty.wav").flush();
  expect_failure(folder_ / "empty.wav", "empty.wav");
  std::ofstream(folder_ / "text.mp3") << "this is a text, not music, whatever its name says\n";
  expect_failure(folder_ / "text.mp3", "text.mp3");
  write_wav(folder_ / "short.wav", chord_int16(0.05));
  expect_failure(folder_ / "short.wav",
                 "short.wav: too short: expected at least 1 s of sound, found 0.050 s");
}

TEST_F(BadInput, OddNamesAreOnlyNames) {
  for (const std::string name :
       {"a'b\"c.wav", "$(touch x).wav", "-o.wav", "new\nline.wav", "caf\xE9.wav", "file:x.wav", " .wav"}) {
    write_wav(folder_ / name, chord_int16(3));
    const ProgramResult result = lpmc({"caption", "-f", "json", "--", (folder_ / name).string()});
    EXPECT_EQ(result.exit_code, 0) << name << result.err;
    EXPECT_EQ(json::parse(result.out)["segments"].size(), 1U);
  }
}

TEST_F(BadInput, SilenceIsReportedNotDescribed) {
  write_wav(folder_ / "silence.wav", std::vector<std::int16_t>(16000 * 12));
  const ProgramResult result = lpmc({"caption", (folder_ / "silence.wav").string(), "-f", "json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const json captions = json::parse(result.out);
  ASSERT_EQ(captions["segments"].size(), 2U);
  EXPECT_EQ(captions["segments"][0]["silent"], true);
  EXPECT_EQ(captions["segments"][0]["text"], "");
  EXPECT_EQ(captions["track_caption"], "");
}

TEST_F(BadInput, NanAndInfinityDoNotReachTheModel) {
  std::vector<float> samples = chord(5);
  samples[100] = std::nanf("");
  samples[200] = std::numeric_limits<float>::infinity();
  write_float_wav(folder_ / "nan.wav", samples);
  const ProgramResult result = lpmc({"caption", (folder_ / "nan.wav").string(), "-f", "json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const json captions = json::parse(result.out);
  EXPECT_FALSE(captions["segments"][0]["text"].get<std::string>().empty());
  EXPECT_EQ(captions["warnings"].size(), 1U);
  EXPECT_THAT(result.err, HasSubstr("nan.wav"));
}

TEST_F(BadInput, OutputsThatCannotBeWrittenAreRefusedBeforeTheWork) {
  const auto refused = [&](const std::string& output, int code, const std::string& message) {
    const ProgramResult result = lpmc({"caption", song(), "-f", "json", "-o", output});
    EXPECT_EQ(result.exit_code, code) << result.err;
    EXPECT_THAT(result.err, HasSubstr(message));
  };
  refused((folder_ / "no/such/out.json").string(), 3, "out.json");
  refused(song(), 2, "song.wav");
  refused("/dev/full", 3, "/dev/full: No space left");
  const ProgramResult full =
      run_program({"sh", "-c", std::string(LPMC_PROGRAM) + " caption '" + song() + "' > /dev/full"});
  EXPECT_EQ(full.exit_code, 3);
  EXPECT_THAT(full.err, HasSubstr("stdout"));
}

}  // namespace
}  // namespace lpmc::test
