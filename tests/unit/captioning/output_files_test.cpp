#include "lpmc/captioning/output_files.h"

#include <csignal>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lpmc/base/log.h"
#include "lpmc/captioning/sidecar_ledger.h"

#include "tests/support/fixtures.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using test::read_file;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class OutputFiles : public ::testing::Test {
 protected:
  InputFile input(const std::string& name) const {
    const fs::path path = folder_.path() / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << "sound";
    return {path, name, std::nullopt};
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
  }
  std::string read(const std::string& name) const { return read_file(folder_ / name); }
  bool exists(const std::string& name) const { return fs::exists(folder_ / name); }
  OutputPlace mirror() const { return {.folder = folder_ / "out", .extension = "txt"}; }

  static PlannedOutput plan(const InputFile& input, const OutputPlace& place) {
    return plan_outputs(std::vector{input}, place).front();
  }
  /// Plans and writes; the failure's or the error's message, or "".
  static std::string put(const InputFile& input, const std::string& text, const OutputPlace& place) {
    const PlannedOutput output = plan(input, place);
    if (output.failure) return output.failure->message;
    try {
      write_output(output, text, place);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  test::TemporaryFolder folder_;
  const OutputPlace sidecar_{.folder = {}, .extension = "txt"};
};

constexpr const char* kNotOurs =
    "exists and was not written by lpmc (or was edited since); --overwrite replaces it";

TEST_F(OutputFiles, SidecarsStandBesideTheirInputs) {
  EXPECT_EQ(put(input("a/song.mp3"), "caption\n", sidecar_), "");
  EXPECT_EQ(read("a/song.txt"), "caption\n");
  for (const auto& [name, target] :
       std::vector<std::pair<std::string, std::string>>{{"plain", "plain.txt"},
                                                        {"01. Intro", "01. Intro.txt"},
                                                        {"x.tar.gz", "x.tar.txt"},
                                                        {".mp3", ".mp3.txt"},
                                                        {"dir.v2/y", "dir.v2/y.txt"}}) {
    EXPECT_EQ(plan(input(name), sidecar_).target, folder_ / target);
  }
  EXPECT_EQ(plan({"-x.mp3", "-x.mp3", std::nullopt}, sidecar_).target, "-x.txt");
}

TEST_F(OutputFiles, TakesStrangeNames) {
  for (const std::string name : {"$(x)", "-v", "a\nb", "it's \"q\"", "\xFF\xFE", "100%FF"}) {
    const InputFile strange = input(name + ".mp3");
    EXPECT_EQ(put(strange, "first", sidecar_), "");
    EXPECT_EQ(put(strange, "second", sidecar_), "") << "its own sidecar";
    EXPECT_EQ(read(name + ".txt"), "second");
    write(name + ".txt", "edited");
    EXPECT_THAT(put(strange, "third", sidecar_), HasSubstr(kNotOurs));
    EXPECT_EQ(read(name + ".txt"), "edited");
  }
  EXPECT_TRUE(nlohmann::json::accept(read(SidecarLedger::kFileName)));
}

TEST_F(OutputFiles, NeverOverwritesWhatOthersWrote) {
  const InputFile song = input("song.mp3");
  write("song.txt", "the lyrics");
  const PlannedOutput output = plan(song, sidecar_);
  ASSERT_TRUE(output.failure);
  EXPECT_EQ(output.failure->kind, ErrorKind::invalid_argument);
  EXPECT_EQ(output.failure->message, (folder_ / "song.txt").native() + ": " + kNotOurs);
  EXPECT_EQ(read("song.txt"), "the lyrics");
  OutputPlace overwrite = sidecar_;
  overwrite.overwrite = true;
  EXPECT_EQ(put(song, "caption", overwrite), "");
  EXPECT_EQ(put(song, "caption 2", sidecar_), "") << "now it is lpmc's";
  EXPECT_EQ(read("song.txt"), "caption 2");
}

TEST_F(OutputFiles, HandEditsAreSafe) {
  const InputFile song = input("song.mp3");
  ASSERT_EQ(put(song, "caption", sidecar_), "");
  write("song.txt", "caption, corrected");
  EXPECT_THAT(put(song, "caption", sidecar_), HasSubstr(kNotOurs));
  EXPECT_EQ(read("song.txt"), "caption, corrected");
  fs::remove(folder_ / "song.txt");
  EXPECT_EQ(put(song, "caption", sidecar_), "") << "what is gone can be written again";
}

TEST_F(OutputFiles, AnEditBetweenPlanAndWriteIsSafe) {
  const PlannedOutput output = plan(input("song.mp3"), sidecar_);
  ASSERT_FALSE(output.failure);
  write("song.txt", "written meanwhile");
  EXPECT_THROW(write_output(output, "caption", sidecar_), Error);
  EXPECT_EQ(read("song.txt"), "written meanwhile");
}

TEST_F(OutputFiles, AnotherInputsCaptionsAreSafe) {
  // Two shards, or two runs: no list of inputs shows the collision.
  ASSERT_EQ(put(input("song.mp3"), "of mp3", sidecar_), "");
  EXPECT_EQ(put(input("song.flac"), "of flac", sidecar_),
            (folder_ / "song.txt").native() + ": holds the captions of song.mp3; --overwrite replaces it");
  EXPECT_EQ(read("song.txt"), "of mp3");
}

TEST_F(OutputFiles, TwoInputsCannotShareAnOutput) {
  const std::vector<InputFile> inputs = {input("song.mp3"), input("song.flac"), input("other.mp3")};
  const auto outputs = plan_outputs(inputs, sidecar_);
  EXPECT_FALSE(outputs[0].failure);
  ASSERT_TRUE(outputs[1].failure);
  EXPECT_EQ(outputs[1].failure->kind, ErrorKind::invalid_argument);
  EXPECT_THAT(outputs[1].failure->message,
              AllOf(HasSubstr("song.flac: "), HasSubstr("song.txt"), HasSubstr("song.mp3")));
  EXPECT_FALSE(outputs[2].failure);
}

TEST_F(OutputFiles, AnInputIsNeverOverwritten) {
  OutputPlace place{.folder = {}, .extension = "wav", .overwrite = true};
  EXPECT_THAT(put(input("a.wav"), "caption", place), HasSubstr("would overwrite the input"));
  // Another input, also by another name of the same file.
  const std::vector<InputFile> inputs = {input("b.mp3"), input("b.wav")};
  EXPECT_TRUE(plan_outputs(inputs, place)[0].failure);
  fs::create_hard_link(folder_ / "a.wav", folder_ / "c.wav");
  input("c.mp3");
  const std::vector<InputFile> linked = {{folder_ / "c.mp3", "c.mp3", {}}, {folder_ / "a.wav", "a.wav", {}}};
  EXPECT_TRUE(plan_outputs(linked, place)[0].failure);
  EXPECT_EQ(read("a.wav"), "sound");
  place.extension = "json";
  EXPECT_THAT(put(input(".lpmc-sidecars.mp3"), "caption", place), HasSubstr("lpmc's own"));
}

TEST_F(OutputFiles, SkipExisting) {
  OutputPlace place = sidecar_;
  place.skip_existing = true;
  write("song.txt", "the lyrics");
  const PlannedOutput output = plan(input("song.mp3"), place);
  EXPECT_TRUE(output.skip);
  EXPECT_FALSE(output.failure);
  EXPECT_THROW(write_output(output, "caption", place), Error);
  EXPECT_FALSE(plan(input("new.mp3"), place).skip);
}

TEST_F(OutputFiles, FailedInputsStayFailed) {
  const InputFile failed{"x.mp3", "x.mp3", Failure{ErrorKind::not_found, "x.mp3: gone"}};
  EXPECT_EQ(plan(failed, sidecar_).failure->message, "x.mp3: gone");
}

TEST_F(OutputFiles, AFolderMirrorsTheTree) {
  EXPECT_EQ(put(input("a/b/song.mp3"), "caption", mirror()), "");
  EXPECT_EQ(read("out/a/b/song.txt"), "caption");
  EXPECT_FALSE(exists("a/b/song.txt"));
  // Written again for the same input; not for one that only has the same way down.
  EXPECT_EQ(put(input("a/b/song.mp3"), "caption 2", mirror()), "");
  InputFile other = input("elsewhere/a/b/song.mp3");
  other.relative = "a/b/song.mp3";
  EXPECT_THAT(put(other, "other", mirror()), HasSubstr("holds the captions of ../../../a/b/song.mp3"));
  EXPECT_EQ(read("out/a/b/song.txt"), "caption 2");
  EXPECT_THAT(read("out/a/b/" + std::string(SidecarLedger::kFileName)),
              Not(HasSubstr(folder_.path().native())));
}

TEST_F(OutputFiles, AFolderNeverLeaksOut) {
  for (const char* relative : {"../x.mp3", "a/../../x.mp3", "/x.mp3", ""}) {
    InputFile sly = input("x.mp3");
    sly.relative = relative;
    EXPECT_TRUE(plan(sly, mirror()).failure) << relative;
  }
}

TEST_F(OutputFiles, ATargetThatIsNoFileIsAFailure) {
  fs::create_directory(folder_ / "song.txt");
  EXPECT_THAT(put(input("song.mp3"), "x", sidecar_), HasSubstr("expected a file to write, found a folder"));
  OutputPlace skip = sidecar_;
  skip.skip_existing = true;
  EXPECT_TRUE(plan(input("song.mp3"), skip).failure);
  write("file", "");
  OutputPlace below = sidecar_;
  below.folder = folder_ / "file";
  EXPECT_TRUE(plan(input("song.mp3"), below).failure);
  EXPECT_TRUE(plan(input(std::string(252, 'n')), sidecar_).failure) << "with .txt too long for a name";
  EXPECT_THROW(plan(input("a.mp3"), {.folder = {}, .extension = ""}), Error);
  EXPECT_THROW(plan(input("a.mp3"), {.folder = {}, .extension = "a/b"}), Error);
}

TEST_F(OutputFiles, ADamagedLedgerProtectsEverything) {
  const InputFile song = input("song.mp3");
  ASSERT_EQ(put(song, "caption", sidecar_), "");
  const std::string good = read(SidecarLedger::kFileName);
  std::string warnings;
  set_log_sink([&](LogLevel level, std::string_view message) {
    EXPECT_EQ(level, LogLevel::warning);
    warnings += message;
  });
  for (const std::string& bad :
       {std::string(), good.substr(0, good.size() / 2), std::string("[]"),
        std::string("{\"lpmc_sidecars\":2,\"files\":{}}"),
        std::string(
            "{\"lpmc_sidecars\":1,\"files\":{\"song.txt\":{\"hashes\":[1],\"source\":\"song.mp3\"}}}"),
        std::string(100000, '['), std::string("\xFF\0", 2)}) {
    warnings.clear();
    write(SidecarLedger::kFileName, bad);
    EXPECT_THAT(put(song, "caption 2", sidecar_), HasSubstr(kNotOurs)) << bad.substr(0, 60);
    EXPECT_THAT(warnings, HasSubstr(".lpmc-sidecars.json: damaged"));
  }
  EXPECT_EQ(put(input("new.mp3"), "caption", sidecar_), "") << "and is replaced by a good one";
  set_log_sink({});
  EXPECT_EQ(put(input("new.mp3"), "caption 2", sidecar_), "");
  fs::remove(folder_ / SidecarLedger::kFileName);
  fs::create_directory(folder_ / SidecarLedger::kFileName);
  EXPECT_NE(put(input("new.mp3"), "caption 3", sidecar_), "");
}

TEST_F(OutputFiles, ARunCutShortKnowsItsFileAgain) {
  // As if stopped after the ledger was saved and before the new text was in place.
  const InputFile song = input("song.mp3");
  ASSERT_EQ(put(song, "old", sidecar_), "");
  ASSERT_EQ(put(song, "new", sidecar_), "");
  write("song.txt", "old");
  EXPECT_EQ(put(song, "newer", sidecar_), "");
  EXPECT_EQ(read("song.txt"), "newer");
  write("song.txt", "new");  // two runs ago: no longer known
  EXPECT_THAT(put(song, "newest", sidecar_), HasSubstr(kNotOurs));
}

TEST_F(OutputFiles, OverwritingDoesNotMakeTheLostFileOurs) {
  const InputFile song = input("song.mp3");
  write("song.txt", "the lyrics");
  OutputPlace overwrite = sidecar_;
  overwrite.overwrite = true;
  ASSERT_EQ(put(song, "caption", overwrite), "");
  write("song.txt", "the lyrics");  // restored from a backup
  EXPECT_THAT(put(song, "caption", sidecar_), HasSubstr(kNotOurs));
}

TEST_F(OutputFiles, ProcessesAndThreadsKeepEachOthersEntries) {
  constexpr int kProcesses = 3, kFiles = 15;
  std::vector<pid_t> children;
  const auto work = [&](const std::string& worker) {
    bool good = true;
    for (int i = 0; i < kFiles; ++i)
      good = put(input(worker + std::to_string(i) + ".mp3"), "c", sidecar_).empty() && good;
    return good;
  };
  for (int process = 0; process < kProcesses; ++process) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(work("p" + std::to_string(process) + "-") ? 0 : 1);
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  std::thread one([&] { EXPECT_TRUE(work("t0-")); }), two([&] { EXPECT_TRUE(work("t1-")); });
  one.join();
  two.join();
  const auto ledger = nlohmann::json::parse(read(SidecarLedger::kFileName));
  EXPECT_EQ(ledger["files"].size(), static_cast<std::size_t>((kProcesses + 2) * kFiles));
}

TEST_F(OutputFiles, AReadOnlyFolderFailsBeforeTheWork) {
  const InputFile song = input("a/song.mp3");
  ::chmod((folder_ / "a").c_str(), 0500);
  const bool may_write_anywhere = ::access((folder_ / "a").c_str(), W_OK) == 0;
  const auto failure = plan(song, sidecar_).failure;
  ::chmod((folder_ / "a").c_str(), 0700);
  if (may_write_anywhere) GTEST_SKIP() << "this user may write everywhere";
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->kind, ErrorKind::io);
  EXPECT_EQ(failure->message,
            (folder_ / "a").native() + ": cannot write into this folder: Permission denied");
}

TEST_F(OutputFiles, CheckWritable) {
  EXPECT_FALSE(check_writable(folder_.path()));
  EXPECT_FALSE(check_writable(folder_ / "not/yet/there"));
  EXPECT_FALSE(exists("not"));
  EXPECT_TRUE(fs::is_empty(folder_.path())) << "nothing is left behind";
  EXPECT_FALSE(check_writable(folder_ / "not/"));
  write("file", "");
  EXPECT_EQ(check_writable(folder_ / "file")->kind, ErrorKind::invalid_argument);
  EXPECT_TRUE(check_writable(folder_ / "file/below"));
  const auto refused = check_writable("/proc/self");
  ASSERT_TRUE(refused);
  EXPECT_THAT(refused->message, HasSubstr("/proc/self: cannot write into this folder: "));
}

TEST_F(OutputFiles, AFullDiskLeavesTheOldFile) {
  const InputFile song = input("song.mp3");
  ASSERT_EQ(put(song, "old", sidecar_), "");
  // A limit on file sizes stands in for a full disk: the ledger fits, the captions do not.
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const std::string message = put(song, std::string(100000, 'x'), sidecar_);
    ::_exit(message.find("song.txt: File too large") != std::string::npos ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(read("song.txt"), "old");
  EXPECT_EQ(put(song, "new", sidecar_), "") << "and it is still lpmc's";
  std::vector<std::string> left;
  for (const auto& entry : fs::directory_iterator(folder_.path()))
    left.push_back(entry.path().filename());
  EXPECT_THAT(left, ::testing::UnorderedElementsAre("song.mp3", "song.txt", SidecarLedger::kFileName));
}

TEST_F(OutputFiles, CheckOutputFile) {
  const std::vector<InputFile> inputs = {input("a.wav")};
  EXPECT_NO_THROW(check_output_file(folder_ / "new.txt", inputs));
  EXPECT_FALSE(exists("new.txt"));
  write("old.txt", "old");
  EXPECT_NO_THROW(check_output_file(folder_ / "old.txt", inputs));
  EXPECT_EQ(read("old.txt"), "old");
  EXPECT_NO_THROW(check_output_file("/dev/null", inputs));
  const auto kind_of = [&](const fs::path& target) {
    try {
      check_output_file(target, inputs);
      return std::string("none");
    } catch (const Error& error) {
      return std::string(to_string(error.kind()));
    }
  };
  EXPECT_EQ(kind_of(folder_.path()), "invalid_argument");
  EXPECT_EQ(kind_of(folder_ / "gone/x.txt"), "not_found");
  EXPECT_EQ(kind_of(folder_ / "a.wav"), "invalid_argument");
  fs::create_symlink("a.wav", folder_ / "link.txt");
  EXPECT_EQ(kind_of(folder_ / "link.txt"), "invalid_argument");
}

TEST_F(OutputFiles, NamesFolder) {
  EXPECT_TRUE(names_folder(folder_.path()));
  EXPECT_TRUE(names_folder("anything/"));
  EXPECT_FALSE(names_folder(folder_ / "absent"));
  EXPECT_FALSE(names_folder("out.txt"));
}

}  // namespace
}  // namespace lpmc
