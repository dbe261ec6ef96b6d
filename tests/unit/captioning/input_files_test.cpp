#include "lpmc/captioning/input_files.h"

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/fixtures.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class InputFiles : public ::testing::Test {
 protected:
  void touch(const std::string& name) const {
    const fs::path path = folder_.path() / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << "x";
  }

  std::vector<InputFile> expand(const std::vector<fs::path>& names, const InputOptions& options) const {
    std::vector<fs::path> named;
    for (const fs::path& name : names)
      named.push_back(name.empty() ? folder_.path() : folder_.path() / name);
    return expand_inputs(named, options);
  }

  /// Paths below the test's folder; "kind:" before failed ones.
  std::vector<std::string> names(const std::vector<InputFile>& inputs) const {
    std::vector<std::string> list;
    for (const InputFile& input : inputs) {
      const std::string kind = input.failure ? std::string(to_string(input.failure->kind)) + ":" : "";
      list.push_back(kind + input.file.lexically_relative(folder_.path()).native());
    }
    return list;
  }

  static std::vector<std::string> relatives(const std::vector<InputFile>& inputs) {
    std::vector<std::string> list;
    for (const InputFile& input : inputs)
      list.push_back(input.relative.native());
    return list;
  }

  test::TemporaryFolder folder_;
};

TEST_F(InputFiles, NamedFilesAreTakenAsTheyAre) {
  touch("b.mp3");
  touch("a.unknown");
  touch(".hidden");
  const auto inputs = expand({"b.mp3", "a.unknown", ".hidden", "absent.mp3", "b.mp3/x"}, {});
  EXPECT_THAT(names(inputs),
              ElementsAre("b.mp3", "a.unknown", ".hidden", "not_found:absent.mp3", "not_found:b.mp3/x"));
  EXPECT_THAT(relatives(inputs), ElementsAre("b.mp3", "a.unknown", ".hidden", "absent.mp3", "x"));
  EXPECT_THAT(inputs[3].failure->message, HasSubstr("absent.mp3: No such file"));
}

TEST_F(InputFiles, AFolderNeedsRecursive) {
  touch("music/a.mp3");
  const auto inputs = expand({"music"}, {});
  ASSERT_THAT(names(inputs), ElementsAre("invalid_argument:music"));
  EXPECT_THAT(inputs[0].failure->message,
              HasSubstr("music: is a folder; --recursive captions what is in it"));
}

TEST_F(InputFiles, WalksFoldersInByteOrder) {
  for (const char* name : {"m/b.MP3", "m/a/2.flac", "m/a/1.Ogg", "m/B.wav", "m/é.opus", "m/notes.txt",
                           "m/cover.jpg", "m/.hidden/x.mp3", "m/._b.mp3", "m/mp3", "m/z/deep/er/v.webm"}) {
    touch(name);
  }
  const auto inputs = expand({"m"}, {.recursive = true});
  EXPECT_THAT(names(inputs),
              ElementsAre("m/B.wav", "m/a/1.Ogg", "m/a/2.flac", "m/b.MP3", "m/z/deep/er/v.webm", "m/é.opus"));
  EXPECT_THAT(relatives(inputs),
              ElementsAre("B.wav", "a/1.Ogg", "a/2.flac", "b.MP3", "z/deep/er/v.webm", "é.opus"));
}

TEST_F(InputFiles, TakesStrangeNames) {
  const std::vector<std::string> strange = {"$(x).mp3", "-v.mp3", "a\nb.mp3", "it's \"q\".mp3",
                                            "\xFF\xFE.mp3"};
  for (const std::string& name : strange)
    touch("m/" + name);
  const auto inputs = expand({"m"}, {.recursive = true});
  EXPECT_EQ(relatives(inputs), strange);
  for (const InputFile& input : inputs)
    EXPECT_FALSE(input.failure);
  const auto absent = expand({"a\n\xFF.mp3"}, {});
  EXPECT_THAT(absent[0].failure->message, HasSubstr("a\\n\uFFFD.mp3: No such"));
}

TEST_F(InputFiles, AFolderWithoutMusicIsAFailure) {
  touch("m/notes.txt");
  fs::create_directory(folder_ / "empty");
  const auto inputs = expand({"m", "empty"}, {.recursive = true});
  EXPECT_THAT(names(inputs), ElementsAre("not_found:m", "not_found:empty"));
}

TEST_F(InputFiles, LinksAreFollowedButLoopsAreNot) {
  touch("m/a/x.mp3");
  touch("elsewhere/y.mp3");
  fs::create_directory_symlink(folder_ / "m", folder_ / "m/a/loop");
  fs::create_directory_symlink("..", folder_ / "m/a/up");
  fs::create_directory_symlink(folder_ / "elsewhere", folder_ / "m/link");
  fs::create_directory_symlink(folder_ / "elsewhere", folder_ / "m/link2");
  fs::create_symlink("nowhere", folder_ / "m/dangling.mp3");
  fs::create_symlink("nowhere", folder_ / "m/dangling.txt");
  fs::create_symlink(folder_ / "elsewhere/y.mp3", folder_ / "m/y.mp3");
  EXPECT_THAT(names(expand({"m"}, {.recursive = true})),
              ElementsAre("m/a/x.mp3", "not_found:m/dangling.mp3", "m/link/y.mp3", "m/y.mp3"));
}

TEST_F(InputFiles, NoLinkMultipliesTheTree) {
  // Twenty folders, each with two links to the next: a million ways to the file.
  for (int i = 0; i < 20; ++i)
    fs::create_directories(folder_ / ("m/" + std::to_string(i)));
  for (int i = 0; i < 19; ++i) {
    const std::string next = "../" + std::to_string(i + 1);
    fs::create_directory_symlink(next, folder_ / ("m/" + std::to_string(i) + "/p"));
    fs::create_directory_symlink(next, folder_ / ("m/" + std::to_string(i) + "/q"));
  }
  touch("m/19/x.mp3");
  EXPECT_EQ(expand({"m"}, {.recursive = true}).size(), 1U);
}

TEST_F(InputFiles, UnreadableFoldersAreFailures) {
  touch("m/locked/x.mp3");
  touch("m/y.mp3");
  ::chmod((folder_ / "m/locked").c_str(), 0);
  if (::access((folder_ / "m/locked").c_str(), R_OK) == 0) GTEST_SKIP() << "this user may read everything";
  const auto inputs = expand({"m"}, {.recursive = true});
  EXPECT_THAT(names(inputs), ElementsAre("io:m/locked", "m/y.mp3"));
  ::chmod((folder_ / "m/locked").c_str(), 0700);
}

TEST_F(InputFiles, PipesAreTakenWhenNamedOnly) {
  fs::create_directory(folder_ / "m");
  ASSERT_EQ(::mkfifo((folder_ / "m/p.wav").c_str(), 0600), 0);
  EXPECT_THAT(names(expand({"m/p.wav"}, {})), ElementsAre("m/p.wav"));
  EXPECT_THAT(names(expand({"m"}, {.recursive = true})), ElementsAre("not_found:m"));
}

TEST_F(InputFiles, TheSameNameCountsOnce) {
  touch("m/a.mp3");
  touch("m/b.mp3");
  EXPECT_THAT(relatives(expand({"m/b.mp3", "m", "m/./a.mp3", "m//b.mp3", "gone.mp3", "gone.mp3"},
                               {.recursive = true})),
              ElementsAre("b.mp3", "a.mp3", "gone.mp3"));
}

TEST_F(InputFiles, ReadsListsOfLines) {
  std::istringstream list("a.mp3\r\n\n it's $(x) \"q\".mp3\n-b.mp3\n\xFF.mp3\n\nlast");
  EXPECT_THAT(read_file_list(list, false, "list"),
              ElementsAre("a.mp3", " it's $(x) \"q\".mp3", "-b.mp3", "\xFF.mp3", "last"));
}

TEST_F(InputFiles, ReadsListsOfNulSeparatedNames) {
  std::istringstream list(std::string("a\nb.mp3\0\0c.mp3\r\0last", 20));
  EXPECT_THAT(read_file_list(list, true, "list"), ElementsAre("a\nb.mp3", "c.mp3\r", "last"));
}

TEST_F(InputFiles, RefusesWhatIsNoList) {
  const auto message_of = [](const std::string& text, bool nul) {
    try {
      std::istringstream list(text);
      read_file_list(list, nul, "list");
      return std::string("none");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
      return std::string(error.what());
    }
  };
  EXPECT_EQ(message_of(std::string("a\nb\0c\n", 6), false),
            "list: line 2: expected a file name, found a NUL byte; -0 reads names that end with NUL");
  EXPECT_THAT(message_of(std::string(5000, 'x'), true),
              HasSubstr("list: name 1: expected a file name, found more"));
  EXPECT_EQ(message_of("", false), "none");
}

TEST_F(InputFiles, FilesFromAListMirrorItsTree) {
  touch("m/a.mp3");
  touch("m/sub/b.mp3");
  const std::string a = folder_ / "m/a.mp3";
  std::ofstream(folder_ / "list") << a << "\n" << (folder_ / "m/../m/sub").native() << "\n../x/gone.mp3\n";
  const auto inputs = expand_inputs({}, {.recursive = true, .files_from = folder_ / "list"});
  EXPECT_THAT(relatives(inputs), ElementsAre(a.substr(1), "b.mp3", "x/gone.mp3"));
  EXPECT_EQ(inputs[0].file, a);
  EXPECT_EQ(inputs[2].file, "../x/gone.mp3");
}

TEST_F(InputFiles, AListThatCannotBeReadIsAnError) {
  const auto kind_of = [&](const std::string& name) {
    try {
      expand_inputs({}, {.files_from = folder_ / name});
      return std::string();
    } catch (const Error& error) {
      return std::string(to_string(error.kind()));
    }
  };
  EXPECT_EQ(kind_of("absent"), "not_found");
  EXPECT_EQ(kind_of("."), "invalid_argument");
}

TEST_F(InputFiles, ShardsPartTheInputs) {
  for (int i = 0; i < 7; ++i)
    touch("m/" + std::to_string(i) + ".mp3");
  const auto shard = [&](int index, int count) {
    return relatives(expand({"m", "gone.mp3"}, {.recursive = true, .shard = Shard{index, count}}));
  };
  EXPECT_THAT(shard(1, 3), ElementsAre("0.mp3", "3.mp3", "6.mp3"));
  EXPECT_THAT(shard(2, 3), ElementsAre("1.mp3", "4.mp3", "gone.mp3"));
  EXPECT_THAT(shard(3, 3), ElementsAre("2.mp3", "5.mp3"));
  EXPECT_EQ(shard(1, 1).size(), 8U);
  EXPECT_THAT(shard(9, 9), IsEmpty());
  EXPECT_THROW(shard(0, 3), Error);
}

TEST_F(InputFiles, ParsesShards) {
  EXPECT_EQ(parse_shard("2/8").index, 2);
  EXPECT_EQ(parse_shard("2/8").count, 8);
  for (const char* bad : {"", "/", "1", "1/", "/2", "0/2", "3/2", "-1/2", "1/0", "1/2x", " 1/2", "1.5/2",
                          "a/b", "1/99999999999"}) {
    try {
      parse_shard(bad);
      ADD_FAILURE() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::invalid_argument);
      EXPECT_THAT(error.what(), HasSubstr("expected I/N with 1 <= I <= N"));
    }
  }
}

TEST_F(InputFiles, KnowsMediaExtensions) {
  for (const char* name : {"a.mp3", "a.FLAC", "a.b.WebM", "x/y.m4a"})
    EXPECT_TRUE(has_media_extension(name)) << name;
  for (const char* name : {"a", "mp3", ".mp3", "a.", "a.txt", "a.mp3.txt", "a.ts"}) {
    EXPECT_FALSE(has_media_extension(name)) << name;
  }
}

}  // namespace
}  // namespace lpmc
