// What we write, judged by other programs: a JSON Schema validator and ffprobe.

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lpmc/captioning/formats.h"

#include "tests/support/fixtures.h"
#include "tests/support/program.h"
#include "tests/unit/captioning/caption_samples.h"

namespace lpmc {
namespace {

using test::failed_captions;
using test::ProgramResult;
using test::run_program;
using test::sample_captions;
using test::silence;
using test::spoken;

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::vector<FileCaptions> many_cases() {
  FileCaptions odd = sample_captions();
  odd.file = "\xFF --> \"$(x)\n'\x01%.mp3";
  odd.warnings = {"a", "b\xFF"};
  odd.segments = {spoken(3599.5, 3609.5, "a --> b\n\nc <i>& [x]\x1b\xFF"),
                  spoken(3604.5, 36000.25, "", -0.0, {})};
  odd.segments[0].candidates.push_back({"second", -1e-9, {2, 0}});
  FileCaptions empty;
  FileCaptions silent = sample_captions();
  silent.segments = {silence(0, 10), silence(10, 12.345)};
  silent.track_caption = "";
  FileCaptions failed_odd = failed_captions();
  failed_odd.file = odd.file;
  std::vector<FileCaptions> cases = {sample_captions(), odd, empty, silent, failed_captions(), failed_odd};
  for (const ErrorKind kind : {ErrorKind::invalid_argument, ErrorKind::not_found, ErrorKind::unsupported,
                               ErrorKind::io, ErrorKind::remote, ErrorKind::cancelled}) {
    cases.push_back(failed_captions());
    cases.back().failure->kind = kind;
  }
  return cases;
}

// Reads JSON lines; prints every line the schema refuses, and exits 1 if there was one.
constexpr const char* kValidator = R"(
import json, sys
try:
    import jsonschema
except ImportError:
    sys.exit(77)
schema = json.load(open(sys.argv[1], encoding="utf-8"))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
bad = 0
for line in open(sys.argv[2], encoding="utf-8", newline="\n"):
    for error in validator.iter_errors(json.loads(line)):
        bad = 1
        print(line, error.message, [(list(c.absolute_path), c.message) for c in error.context or []])
sys.exit(bad)
)";

class Schema : public ::testing::Test {
 protected:
  ProgramResult validate(const std::string& lines) const {
    write(folder_ / "lines.jsonl", lines);
    return run_program({test::system_python(), "-c", kValidator, LPMC_SOURCE_DIR "/docs/caption.schema.json",
                        folder_ / "lines.jsonl"});
  }
  static bool is_missing(const ProgramResult& finished) {
    return finished.exit_code == 77 || finished.exit_code == 127;
  }

  test::TemporaryFolder folder_;
};

TEST_F(Schema, AcceptsWhatWeWrite) {
  std::string lines;
  for (int bits = 0; bits < 8; ++bits) {
    const FormatOptions options{
        .candidates = (bits & 1) != 0, .tokens = (bits & 2) != 0, .track = (bits & 4) != 0};
    for (const FileCaptions& captions : many_cases()) {
      lines += caption_document(captions, CaptionFormat::jsonl, options);
      std::string pretty = caption_document(captions, CaptionFormat::json, options);
      std::replace(pretty.begin(), pretty.end(), '\n', ' ');
      lines += pretty + "\n";
    }
  }
  const ProgramResult finished = validate(lines);
  if (is_missing(finished)) GTEST_SKIP() << "no python3 with jsonschema here";
  EXPECT_EQ(finished.exit_code, 0) << finished.out;
}

TEST_F(Schema, RefusesWhatIsWrong) {
  const std::string good = caption_document(sample_captions(), CaptionFormat::jsonl, {});
  const std::pair<std::string, std::string> changes[] = {
      {"\"silent\":false", "\"silent\":0"},
      {"\"file\":", "\"path\":"},
      {"\"0:00-0:10\"", "\"0:00-10\""},
      {"\"text\":\"\",\"score\":null", "\"text\":\"x\",\"score\":null"},
      {"\"score\":-1.0", "\"score\":\"-1.0\""},
      {"\"start_s\":0.0", "\"start_s\":-1"},
      {"\"warnings\":[]", "\"error\":{}"},
  };
  for (const auto& [from, to] : changes) {
    std::string bad = good;
    ASSERT_NE(bad.find(from), std::string::npos) << from;
    bad.replace(bad.find(from), from.size(), to);
    const ProgramResult finished = validate(bad);
    if (is_missing(finished)) GTEST_SKIP() << "no python3 with jsonschema here";
    EXPECT_EQ(finished.exit_code, 1) << bad << finished.out;
  }
}

class Ffprobe : public ::testing::TestWithParam<CaptionFormat> {};

TEST_P(Ffprobe, ReadsEveryCue) {
  const test::TemporaryFolder folder;
  const std::string path = folder / ("captions." + std::string(extension_of(GetParam())));
  int number = 0;
  for (FileCaptions captions : {sample_captions(), many_cases()[1]}) {
    SCOPED_TRACE(number);
    const int cues = number++ == 0 ? 3 : 1;
    write(path, caption_document(captions, GetParam(), {}));
    const ProgramResult finished =
        run_program({"ffprobe", "-v", "error", "-count_packets", "-show_entries",
                     "stream=codec_name,nb_read_packets", "-of", "csv=p=0", "file:" + path});
    if (finished.exit_code == 127) GTEST_SKIP() << "no ffprobe here";
    EXPECT_EQ(finished.exit_code, 0) << finished.out;
    const std::string codec = GetParam() == CaptionFormat::srt   ? "subrip"
                              : GetParam() == CaptionFormat::vtt ? "webvtt"
                                                                 : "text";
    // The empty lines that end a caption are packets of lrc too: three in the sample, one in the other.
    const int empty = GetParam() != CaptionFormat::lrc ? 0 : number == 1 ? 2 : 1;
    EXPECT_EQ(finished.out, fmt::format("{},{}\n", codec, cues + empty));
  }
}

INSTANTIATE_TEST_SUITE_P(Subtitles, Ffprobe,
                         ::testing::Values(CaptionFormat::srt, CaptionFormat::vtt, CaptionFormat::lrc),
                         [](const auto& format) { return std::string(to_string(format.param)); });

}  // namespace
}  // namespace lpmc
