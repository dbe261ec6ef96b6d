// `lpmc infer`: captions for a manifest.

#include <csignal>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/end_to_end/lpmc_program.h"

namespace lpmc::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

class Infer : public ::testing::Test {
 protected:
  Infer() {
    fs::create_directories(folder_ / "audio");
    write_wav(folder_ / "audio/a.wav", chord_int16(25, 0));
    write_wav(folder_ / "audio/b.wav", chord_int16(3, 5));
    write_wav(folder_ / "audio/c.wav", chord_int16(12, 2));
    add_line({{"id", "first"}, {"audio", "audio/a.wav"}, {"split", "test"}, {"caption", "a chord"}});
    add_line({{"id", "second"}, {"audio", "audio/b.wav"}, {"split", "train"}, {"caption", "high"}});
    add_line({{"id", "third"},
              {"audio", "audio/c.wav"},
              {"split", "test"},
              {"caption", "another chord"},
              {"tags", {"chord"}}});
  }

  void add_line(const json& line) const {
    std::ofstream(folder_ / "mc.jsonl", std::ios::app) << line.dump() << '\n';
  }
  std::string output() const { return folder_ / "inference.json"; }
  std::string side_file() const { return output() + ".partial.jsonl"; }
  json written() const { return json::parse(read_file(output())); }

  ProgramResult infer(std::vector<std::string> more, const ProgramInput& input = {}) const {
    std::vector<std::string> arguments = {"infer",       "--manifest", folder_ / "mc.jsonl", "-o", output(),
                                          "--num-beams", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return lpmc(arguments, input);
  }
  /// The caption of a file's first segment.
  std::string first_caption(const std::string& file) const {
    const ProgramResult result =
        lpmc({"caption", folder_ / file, "--num-beams", "1", "--duration", "10", "-f", "json"});
    return json::parse(result.out)["segments"][0]["text"];
  }

  TemporaryFolder folder_;
};

TEST_F(Infer, WritesTheOriginalsShape) {
  const ProgramResult result = infer({"--split", "test"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "");
  const json found = written();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found["0"]["audio_id"], "first");
  EXPECT_EQ(found["0"]["true_captions"], "a chord");
  EXPECT_EQ(found["0"]["predictions"], first_caption("audio/a.wav"));
  EXPECT_EQ(found["1"]["audio_id"], "third");
  EXPECT_EQ(found["1"]["predictions"], first_caption("audio/c.wav"));
  EXPECT_FALSE(fs::exists(side_file()));
}

TEST_F(Infer, AllSplitsAndAnotherAudioFolder) {
  fs::rename(folder_ / "audio", folder_ / "moved");
  fs::create_directories(folder_ / "root");
  fs::rename(folder_ / "moved", folder_ / "root/audio");
  const ProgramResult result = infer({"--audio-dir", folder_ / "root"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(written().size(), 3U);
  EXPECT_EQ(written()["1"]["audio"], (folder_ / "root/audio/b.wav").string());
}

TEST_F(Infer, AFailureCostsOneClipAndIsTriedAgain) {
  fs::rename(folder_ / "audio/b.wav", folder_ / "b.wav");
  add_line({{"id", "no audio"}, {"caption", "x"}});
  const ProgramResult result = infer({});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("clip 'second'"));
  EXPECT_THAT(result.err, HasSubstr("clip 'no audio': expected a field \"audio\""));
  EXPECT_THAT(result.err, HasSubstr("2 of 4 clips failed"));
  EXPECT_EQ(written().size(), 2U);
  EXPECT_TRUE(fs::exists(side_file()));
  fs::rename(folder_ / "b.wav", folder_ / "audio/b.wav");
  const ProgramResult again = infer({"-v"});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.err, HasSubstr("2 clips are finished by an earlier run"));
  EXPECT_EQ(written().size(), 3U);
  EXPECT_EQ(written()["1"]["audio_id"], "second");
}

TEST_F(Infer, AnInterruptedRunGoesOn) {
  std::ofstream(folder_ / "mc.jsonl", std::ios::trunc) << "";
  for (int i = 0; i < 60; ++i)
    add_line({{"id", std::to_string(i)}, {"audio", "audio/a.wav"}, {"caption", "x"}});
  const auto finished = [this] {
    return fs::exists(side_file()) ? lines_of(read_file(side_file())).size() : 0;
  };
  ProgramInput input;
  input.while_running = [&](int process) {
    while (finished() < 3 && ::kill(process, 0) == 0 && !fs::exists(output()))
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ::kill(process, SIGINT);
  };
  const ProgramResult result = infer({"--batch-size", "1"}, input);
  if (result.exit_code == 0) GTEST_SKIP() << "all was done before the signal came";
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_THAT(result.err, HasSubstr("the same command goes on"));
  EXPECT_FALSE(fs::exists(output()));
  EXPECT_GE(finished(), 3U);
  const ProgramResult other = infer({"--batch-size", "1", "--no-repeat-ngram", "2"});
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.err, HasSubstr("no_repeat_ngram"));
  EXPECT_EQ(infer({"--batch-size", "1"}).exit_code, 0);
  EXPECT_EQ(written().size(), 60U);
  EXPECT_EQ(written()["59"]["predictions"], written()["0"]["predictions"]);
}

TEST_F(Infer, RandomCropsAreSeeded) {
  const auto run = [&](const char* crop, const char* seed) {
    EXPECT_EQ(infer({"--crop", crop, "--seed", seed}).exit_code, 0);
    return written();
  };
  const json start = run("start", "1");
  const json one = run("random", "1");
  EXPECT_EQ(one, run("random", "1"));
  EXPECT_EQ(one["1"], start["1"]);  // 3 s: there is nothing to choose
}

TEST_F(Infer, WrongUseIsNamed) {
  EXPECT_EQ(lpmc({"infer", "-o", "x.json"}).exit_code, 2);
  const ProgramResult split = infer({"--split", "valid"});
  EXPECT_EQ(split.exit_code, 2);
  EXPECT_THAT(split.err, HasSubstr("expected clips of the split 'valid', found none (3 of other splits)"));
  const ProgramResult none = lpmc({"infer", "--manifest", folder_ / "none.jsonl", "-o", output()});
  EXPECT_EQ(none.exit_code, 3);
  std::ofstream(folder_ / "mc.jsonl", std::ios::app) << "{\"id\": \n";
  const ProgramResult broken = infer({});
  EXPECT_EQ(broken.exit_code, 3);
  EXPECT_THAT(broken.err, HasSubstr("line 4"));
  EXPECT_FALSE(fs::exists(output()));
}

}  // namespace
}  // namespace lpmc::test
