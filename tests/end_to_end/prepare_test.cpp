// `lpmc prepare`: folders and data sets to a manifest and a cache.

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
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Prepare : public ::testing::Test {
 protected:
  void song(const std::string& name, double seconds, int key) const {
    fs::create_directories((folder_ / name).parent_path());
    write_wav(folder_ / name, chord_int16(seconds, key));
  }
  void text(const std::string& name, const std::string& content) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  std::vector<json> manifest(const std::string& name = "tracks.jsonl") const {
    std::vector<json> records;
    for (const std::string& line : lines_of(read_file(folder_ / name)))
      records.push_back(json::parse(line));
    return records;
  }
  ProgramResult prepare(std::vector<std::string> arguments, const ProgramInput& input = {}) const {
    arguments.insert(arguments.begin(), "prepare");
    return lpmc(arguments, input);
  }
  std::string path(const std::string& name) const { return folder_ / name; }
  /// verify's findings.
  json verified(std::vector<std::string> more, int exit_code) const {
    std::vector<std::string> arguments = {"verify", path("tracks.jsonl"), "--format", "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProgramResult result = prepare(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    return json::parse(result.out);
  }

  TemporaryFolder folder_;
};

TEST_F(Prepare, AFolderBecomesAManifestAndACache) {
  song("music/a.wav", 11, 0);
  song("music/deep/b.wav", 12, 3);
  text("music/a.txt", "A chord.\n");
  const ProgramResult result =
      prepare({"audio", path("music"), "--manifest", path("tracks.jsonl"), "--cache", path("cache")});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("2 songs, 1 with a .txt"));
  EXPECT_THAT(result.out, HasSubstr("2 of 2 records cached"));
  ASSERT_THAT(manifest(), SizeIs(2));
  EXPECT_EQ(manifest()[0], json({{"id", "a"}, {"audio", "music/a.wav"}, {"caption", "A chord."}}));
  EXPECT_EQ(manifest()[1]["id"], "deep/b");
  const json found = verified({"--cache", path("cache"), "--sources"}, 0);
  EXPECT_EQ(found["records"], 2);
  EXPECT_EQ(found["without_captions"], 1);
  EXPECT_THAT(found["problems"], IsEmpty());
  // Again: nothing is decoded twice.
  const ProgramResult again = prepare({"cache", path("tracks.jsonl"), "--cache", path("cache")});
  EXPECT_THAT(again.out, HasSubstr("0 decoded (0.00 h), 2 there before, 0 failed"));
}

TEST_F(Prepare, FailedFilesAreReportedAndTheRestIsDone) {
  song("a.wav", 11, 0);
  text("bad.wav", "no sound");
  text("tracks.jsonl",
       "{\"id\":\"a\",\"audio\":\"a.wav\"}\n{\"id\":\"bad\",\"audio\":\"bad.wav\"}\n"
       "{\"id\":\"gone\",\"audio\":\"gone.wav\"}\n{\"id\":\"none\"}\n");
  const ProgramResult result = prepare({"cache", path("tracks.jsonl"), "--cache", path("cache")});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.out, HasSubstr("1 of 4 records cached: 1 decoded"));
  for (const char* name : {"'bad'", "'gone'", "'none'"})
    EXPECT_THAT(result.err, HasSubstr(name));
  const ProgramResult rate =
      prepare({"cache", path("tracks.jsonl"), "--cache", path("cache"), "--sample-rate", "22050"});
  EXPECT_EQ(rate.exit_code, 2);
  EXPECT_THAT(rate.err, HasSubstr("expected 22050 Hz, found a cache of 16000 Hz"));
  text("tracks.jsonl", "{\"id\":\"a\",\"audio\":\"a.wav\"}\n{\"id\":\n");
  const ProgramResult broken = prepare({"cache", path("tracks.jsonl"), "--cache", path("cache")});
  EXPECT_EQ(broken.exit_code, 3);
  EXPECT_THAT(broken.err, HasSubstr("tracks.jsonl: line 2"));
}

TEST_F(Prepare, VerifyFindsWhatIsWrong) {
  song("a.wav", 11, 0);
  song("same.wav", 11, 0);
  song("short.wav", 4, 1);
  song("changed.wav", 11, 2);
  text("tracks.jsonl", R"({"id":"a","audio":"a.wav","split":"train","caption":"x"}
{"id":"copy","audio":"same.wav","split":"test","caption":"x"}
{"id":"short","audio":"short.wav","split":"train"}
{"id":"changed","audio":"changed.wav","split":"train"}
{"id":"[v]-[0-10]","split":"train"}
{"id":"[v]-[10-20]","split":"valid"}
)");
  EXPECT_EQ(prepare({"cache", path("tracks.jsonl"), "--cache", path("cache")}).exit_code, 1);
  song("changed.wav", 11, 5);
  text("tracks.jsonl", read_file(folder_ / "tracks.jsonl") + "{\"id\":\"a\",\"split\":\"valid\"}\n");
  const json found = verified({"--cache", path("cache"), "--sources"}, 1);
  std::map<std::string, std::string> problems;
  for (const json& problem : found["problems"])
    problems[problem["id"]] = problem["problem"];
  EXPECT_EQ(problems, (std::map<std::string, std::string>{{"short", "short"},
                                                          {"changed", "differs"},
                                                          {"[v]-[0-10]", "missing"},
                                                          {"[v]-[10-20]", "missing"},
                                                          {"a", "repeated"}}));
  std::map<std::string, std::size_t> leaks;
  for (const json& leak : found["leaks"])
    leaks[leak["kind"]] += leak["records"].size();
  EXPECT_EQ(leaks, (std::map<std::string, std::size_t>{{"id", 2}, {"track", 2}, {"audio", 3}}));
  const ProgramResult as_text = prepare({"verify", path("tracks.jsonl"), "--cache", path("cache")});
  EXPECT_EQ(as_text.exit_code, 1);
  EXPECT_THAT(as_text.out, HasSubstr("short\tshort\texpected at least 10 s of sound, found 4.00 s"));
  EXPECT_THAT(as_text.out, HasSubstr("leak\tsame track\t"));
}

TEST_F(Prepare, ImportJoinsAnnotationsSplitsCaptionsAndAudio) {
  text("annotation.json", R"({"TR1": {"tag": ["rap"], "path": "1/one.mp3"},
                              "TR2": {"tag": ["jazz", "slow"], "path": "2/two.mp3"},
                              "TR3": {"tag": ["rock"], "path": "3/three.mp3"}})");
  text("split.json", R"({"train_track": ["TR1"], "extra_track": ["TR2"], "test_track": ["TR3"]})");
  text("captions.jsonl", "{\"id\":\"TR2\",\"prompt\":\"writing\",\"caption\":\"Slow jazz.\"}\n");
  song("npy/1/one.wav", 1, 0);
  song("npy/2/two.wav", 1, 0);
  const std::vector<std::string> arguments = {"import",           "--input",    path("annotation.json"),
                                              "--dataset",        "msd",        "--split-file",
                                              path("split.json"), "--captions", path("captions.jsonl"),
                                              "--audio-root",     path("npy"),  "--audio-pattern",
                                              "{stem}.wav",       "--manifest", path("tracks.jsonl")};
  const ProgramResult result = prepare(arguments);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("3 records, 2 with audio"));
  EXPECT_EQ(manifest()[1], json({{"id", "TR2"},
                                 {"audio", "npy/2/two.wav"},
                                 {"split", "train"},
                                 {"tags", {"jazz", "slow"}},
                                 {"captions", {{"writing", "Slow jazz."}}}}));
  EXPECT_EQ(manifest()[2]["split"], "test");
  std::vector<std::string> strict = arguments;
  strict.push_back("--require-audio");
  EXPECT_THAT(prepare(strict).out, HasSubstr("2 records, 2 with audio"));
  const ProgramResult pattern =
      prepare({"import", "--input", path("annotation.json"), "--audio-root", path("npy"), "--audio-pattern",
               "{name}.wav", "--manifest", path("tracks.jsonl")});
  EXPECT_EQ(pattern.exit_code, 2);
  EXPECT_THAT(pattern.err, HasSubstr("found 'name'"));
}

TEST_F(Prepare, StatsAndSplit) {
  std::string lines;
  for (int i = 0; i < 20; ++i)
    lines += json{{"id", std::to_string(i)}, {"tags", {"a"}}, {"caption", "one two three"}}.dump() + "\n";
  text("tracks.jsonl",
       lines + json{{"id", "long"}, {"caption", std::string(900, '!') + " x y z"}}.dump() + "\n");
  const ProgramResult split =
      prepare({"split", path("tracks.jsonl"), "-o", path("split.jsonl"), "--test", "0.2", "--seed", "3"});
  ASSERT_EQ(split.exit_code, 0) << split.err;
  EXPECT_EQ(split.out, "test: 4 records\ntrain: 15 records\nvalid: 2 records\n");
  const ProgramResult again = prepare({"split", path("split.jsonl"), "-o", path("x.jsonl")});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.err, HasSubstr("found 21 with"));
  const ProgramResult stats =
      prepare({"stats", path("tracks.jsonl"), "--format", "json", "--max-length", "10"});
  ASSERT_EQ(stats.exit_code, 0) << stats.err;
  const json all = json::parse(stats.out);
  const json& caption = all["splits"][""]["captions"]["caption"];
  EXPECT_EQ(all["splits"][""]["records"], 21);
  EXPECT_EQ(caption["captions"], 21);
  EXPECT_EQ(caption["words"]["min"], 3);
  EXPECT_EQ(caption["too_long"], 1);
  EXPECT_EQ(all["top_tags"][0], json({{"tag", "a"}, {"records", 20}}));
  EXPECT_THAT(prepare({"stats", path("split.jsonl")}).out, HasSubstr("train: 15 records"));
}

TEST_F(Prepare, AKilledRunGoesOn) {
  std::string lines;
  for (int i = 0; i < 60; ++i) {
    const std::string name = std::to_string(i);
    song(name + ".wav", 10 + i % 3, i % 12);
    lines += json{{"id", name}, {"audio", name + ".wav"}}.dump() + "\n";
  }
  text("tracks.jsonl", lines);
  const std::vector<std::string> arguments = {"cache",       path("tracks.jsonl"), "--cache",
                                              path("cache"), "--shard-gb",         "0.002"};
  for (int kill_ms = 5; kill_ms < 60; kill_ms += 15) {
    prepare(arguments, {.standard_input = {}, .environment = {}, .while_running = [&](int process) {
                          std::this_thread::sleep_for(std::chrono::milliseconds(kill_ms));
                          ::kill(process, SIGKILL);
                        }});
  }
  const ProgramResult result = prepare(arguments);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("60 of 60 records cached"));
  EXPECT_THAT(verified({"--cache", path("cache"), "--sources"}, 0)["problems"], IsEmpty());
}

TEST_F(Prepare, AFullDiskKeepsWhatWasCommitted) {
  std::string lines;
  for (int i = 0; i < 6; ++i) {
    const std::string name = std::to_string(i);
    song(name + ".wav", 10, i);
    lines += json{{"id", name}, {"audio", name + ".wav"}}.dump() + "\n";
  }
  text("tracks.jsonl", lines);
  // A limit on a file's size, in blocks of 512 bytes, stands for the end of the disk: three songs fit.
  const ProgramResult full =
      run_program({"/bin/sh", "-c", "ulimit -f 2000; exec \"$@\"", "sh", LPMC_PROGRAM, "prepare", "cache",
                   path("tracks.jsonl"), "--cache", path("cache")});
  EXPECT_EQ(full.exit_code, 3);
  EXPECT_THAT(full.err, HasSubstr("shard-00000.s16: File too large"));
  const ProgramResult result = prepare({"cache", path("tracks.jsonl"), "--cache", path("cache")});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("3 decoded"));
  EXPECT_THAT(result.out, HasSubstr("3 there before"));
}

}  // namespace
}  // namespace lpmc::test
