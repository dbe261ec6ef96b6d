// `lpmc caption` on many files: order, failures, sidecars, folders, resume, interruption.

#include <csignal>
#include <fstream>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/end_to_end/lpmc_program.h"

namespace lpmc::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class CaptionBatch : public ::testing::Test {
 protected:
  CaptionBatch() {
    fs::create_directories(folder_ / "album/disc 2");
    write_wav(folder_ / "album/a.wav", chord_int16(12, 0));
    write_wav(folder_ / "album/b.wav", chord_int16(3, 5));
    write_wav(folder_ / "album/disc 2/c.wav", chord_int16(25, 2));
    std::ofstream(folder_ / "album/cover.jpg") << "not sound";
  }
  std::string album() const { return (folder_.path() / "album").string(); }

  TemporaryFolder folder_;
};

TEST_F(CaptionBatch, ComesOutInOrderWithHeaders) {
  const ProgramResult result = lpmc({"caption", "-r", album()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::size_t a = result.out.find("a.wav"), b = result.out.find("b.wav"), c = result.out.find("c.wav");
  EXPECT_LT(a, b);
  EXPECT_LT(b, c);
  EXPECT_NE(c, std::string::npos);
  EXPECT_EQ(result.out.find("cover"), std::string::npos);
}

TEST_F(CaptionBatch, CaptionsDoNotDependOnTheCompany) {
  const ProgramResult all = lpmc({"caption", "-r", album(), "-f", "jsonl", "--tokens"});
  const auto lines = lines_of(all.out);
  ASSERT_EQ(lines.size(), 3U) << all.err;
  for (const std::string& line : lines) {
    const json together = json::parse(line);
    const json alone = json::parse(lpmc({"caption", together["file"], "-f", "jsonl", "--tokens"}).out);
    for (std::size_t i = 0; i < alone["segments"].size(); ++i) {
      EXPECT_EQ(together["segments"][i]["tokens"], alone["segments"][i]["tokens"]);
    }
  }
}

TEST_F(CaptionBatch, AFailureCostsOneFileAndTheExitCodeIs1) {
  std::ofstream(folder_ / "album/b.wav", std::ios::trunc) << "RIFF broken";
  const ProgramResult result = lpmc({"caption", album() + "/a.wav", album() + "/b.wav", album() + "/none.wav",
                                     album() + "/disc 2/c.wav", "-f", "jsonl"});
  EXPECT_EQ(result.exit_code, 1);
  const auto lines = lines_of(result.out);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_TRUE(json::parse(lines[0]).contains("segments"));
  EXPECT_TRUE(json::parse(lines[1])["error"].contains("kind"));
  EXPECT_EQ(json::parse(lines[2])["error"]["kind"], "not_found");
  EXPECT_TRUE(json::parse(lines[3]).contains("segments"));
  EXPECT_THAT(result.err, HasSubstr("2 of 4 files failed"));
}

TEST_F(CaptionBatch, SeveralFilesInJsonAreAnArray) {
  const ProgramResult result = lpmc({"caption", "-r", album(), "-f", "json"});
  EXPECT_EQ(json::parse(result.out).size(), 3U);
  EXPECT_EQ(lpmc({"caption", "-r", album(), "-f", "srt"}).exit_code, 2);
}

TEST_F(CaptionBatch, FilesFromStandardInput) {
  ProgramInput input;
  input.standard_input = album() + "/a.wav" + '\0' + album() + "/b.wav" + '\0';
  const ProgramResult result = lpmc({"caption", "--files-from", "-", "-0", "-f", "jsonl"}, input);
  EXPECT_EQ(lines_of(result.out).size(), 2U) << result.err;
}

TEST_F(CaptionBatch, ShardsShareTheWork) {
  std::set<std::string> files;
  for (const char* shard : {"1/2", "2/2"}) {
    for (const std::string& line :
         lines_of(lpmc({"caption", "-r", album(), "--shard", shard, "-f", "jsonl"}).out)) {
      EXPECT_TRUE(files.insert(json::parse(line)["file"]).second);
    }
  }
  EXPECT_EQ(files.size(), 3U);
}

TEST_F(CaptionBatch, SidecarsAreKeptWhenEdited) {
  const std::vector<std::string> command = {"caption", "-r", album(), "--sidecar", "txt"};
  ASSERT_EQ(lpmc(command).exit_code, 0);
  const fs::path sidecar = folder_ / "album/a.txt";
  const std::string written = read_file(sidecar);
  EXPECT_THAT(written, StartsWith("[0:00-0:10] "));
  EXPECT_EQ(lpmc(command).exit_code, 0);  // its own output may be written again
  std::ofstream(sidecar, std::ios::trunc) << "edited by hand";
  const ProgramResult refused = lpmc(command);
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("--overwrite"));
  EXPECT_EQ(read_file(sidecar), "edited by hand");
  std::vector<std::string> skip = command;
  skip.emplace_back("--skip-existing");
  EXPECT_EQ(lpmc(skip).exit_code, 0);
  EXPECT_EQ(read_file(sidecar), "edited by hand");
  std::vector<std::string> overwrite = command;
  overwrite.emplace_back("--overwrite");
  EXPECT_EQ(lpmc(overwrite).exit_code, 0);
  EXPECT_EQ(read_file(sidecar), written);
}

TEST_F(CaptionBatch, AnOutputFolderMirrorsTheTree) {
  const std::string out = (folder_.path() / "out").string() + "/";
  const ProgramResult result = lpmc({"caption", "-r", album(), "-f", "srt", "-o", out});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(fs::exists(out + "a.srt") || fs::exists(out + "album/a.srt"));
  EXPECT_TRUE(fs::exists(out + "disc 2/c.srt") || fs::exists(out + "album/disc 2/c.srt"));
}

TEST_F(CaptionBatch, OneJsonlFileGoesOnWhereItStopped) {
  const std::string out = (folder_ / "all.jsonl").string();
  ASSERT_EQ(lpmc({"caption", album() + "/a.wav", "-f", "jsonl", "-o", out}).exit_code, 0);
  const std::string first = read_file(out);
  const ProgramResult result =
      lpmc({"caption", "-r", album(), "-f", "jsonl", "-o", out, "--skip-existing", "-v"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("1 files skipped"));
  const std::string all = read_file(out);
  EXPECT_THAT(all, StartsWith(first));
  EXPECT_EQ(lines_of(all).size(), 3U);
}

TEST_F(CaptionBatch, TagsHoldTheTrackCaption) {
  const std::string file = album() + "/b.wav";
  ASSERT_EQ(lpmc({"caption", file, "--write-tags"}).exit_code, 0);
  const ProgramResult again = lpmc({"caption", file, "-f", "json"});  // still sound, and the same
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(read_file(file),
              HasSubstr(json::parse(again.out)["track_caption"].get<std::string>().substr(0, 20)));
}

TEST_F(CaptionBatch, ProgressIsJsonOnRequestAndNothingOffATerminal) {
  EXPECT_EQ(lpmc({"caption", "-r", album()}).err, "");
  const ProgramResult result = lpmc({"caption", "-r", album(), "--progress", "json"});
  const auto lines = lines_of(result.err);
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(json::parse(lines.back())["files_done"], 3);
}

TEST_F(CaptionBatch, InterruptedRunsKeepWhatIsFinished) {
  write_wav(folder_ / "album/z long.wav", chord_int16(3600));
  ProgramInput input;
  const fs::path last = folder_ / "album/disc 2/c.txt";
  input.while_running = [&](int process) {
    for (int i = 0; i < 3000 && !fs::exists(last); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ::kill(process, SIGINT);
  };
  const ProgramResult result = lpmc(
      {"caption", album() + "/a.wav", album() + "/disc 2/c.wav", album() + "/z long.wav", "--sidecar", "txt"},
      input);
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_THAT(result.err, HasSubstr("interrupted: 2 of 3 files done"));
  EXPECT_TRUE(fs::exists(folder_ / "album/a.txt"));
  EXPECT_FALSE(fs::exists(folder_ / "album/z long.txt"));
}

}  // namespace
}  // namespace lpmc::test
