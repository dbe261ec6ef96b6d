#include "lpmc/audio/file_tags.h"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lpmc/audio/decode.h"
#include "lpmc/base/error.h"

#include "tests/support/fixtures.h"
#include "tests/unit/audio/media.h"

namespace lpmc {
namespace {

using test::TemporaryFolder;

const std::string kCaption =
    "a slow string orchestra, \"pianissimo\" \xE2\x80\x94 caf\xC3\xA9 \xF0\x9F\x8E\xBB";

std::string kind_of(const std::filesystem::path& path, std::string_view text = "x") {
  try {
    write_comment(path, text);
    return "none";
  } catch (const Error& error) {
    return std::string(to_string(error.kind()));
  }
}

/// Names in a folder, sorted.
std::vector<std::string> names_in(const TemporaryFolder& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

/// "key=value" of the file and its stream as ffmpeg shows them, sorted.
std::vector<std::string> metadata_of(const std::filesystem::path& file) {
  // What is in Ogg belongs to the stream.
  const bool ogg = file.extension() == ".ogg" || file.extension() == ".opus";
  const std::string from = ogg ? "0:s:0" : "0:g";
  std::istringstream text(
      test::run_ffmpeg({"-i", file.native(), "-map_metadata:g", from, "-f", "ffmetadata", "-"}));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    const std::size_t key = line.find('=');
    if (key == std::string::npos) continue;
    // TagLib writes the names of Vorbis comments, which know no case, in capitals.
    std::transform(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(key), line.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    lines.push_back(line);
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

class TagFormat : public testing::TestWithParam<const char*> {};

TEST_P(TagFormat, WritesTheCommentAndNothingElse) {
  LPMC_SKIP_WITHOUT_FFMPEG();
  const TemporaryFolder folder;
  const auto file = folder / (std::string("a.") + GetParam());
  test::write_wav(folder / "source", test::tones(44100, 44100, 2), {44100, 2});
  if (!test::try_ffmpeg({"-i", (folder / "source").native(), "-metadata", "title=A title", "-metadata",
                         "artist=An artist", file.native()})) {
    GTEST_SKIP() << "this ffmpeg cannot make " << GetParam();
  }
  std::filesystem::remove(folder / "source");
  ASSERT_EQ(::chmod(file.c_str(), 0640), 0);
  const Tensor before = decode_all(file);
  const std::vector<std::string> metadata_before = metadata_of(file);
  EXPECT_EQ(read_comment(file), "");

  write_comment(file, "the first, which is replaced");
  write_comment(file, kCaption);
  EXPECT_EQ(read_comment(file), kCaption);
  EXPECT_THAT(decode_all(file).values<float>(), testing::ElementsAreArray(before.values<float>()));
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0640U);
  EXPECT_THAT(names_in(folder), testing::ElementsAre(file.filename()));
  // ffmpeg sees the comment, and what it saw before.
  std::vector<std::string> metadata = metadata_of(file);
  const auto is_comment = [](const std::string& line) { return line.starts_with("comment="); };
  const auto comment = std::find_if(metadata.begin(), metadata.end(), is_comment);
  ASSERT_NE(comment, metadata.end());
  EXPECT_THAT(*comment, testing::HasSubstr("caf\xC3\xA9"));
  metadata.erase(comment);
  EXPECT_EQ(metadata, metadata_before);
  EXPECT_THAT(metadata, testing::Contains(testing::EndsWith("=A title")));
}

INSTANTIATE_TEST_SUITE_P(Formats, TagFormat,
                         testing::Values("mp3", "flac", "ogg", "opus", "m4a", "wav", "aiff", "wma", "wv"),
                         [](const auto& instance) { return std::string(instance.param); });

TEST(FileTags, KeepsWhatOtherProgramsPutIntoMp3Comments) {
  LPMC_SKIP_WITHOUT_FFMPEG();
  const TemporaryFolder folder;
  const auto file = folder / "a.mp3";
  test::write_wav(folder / "a.wav", test::tones(16000));
  if (!test::try_ffmpeg(
          {"-i", (folder / "a.wav").native(), "-id3v2_version", "0", "-write_id3v1", "0", file.native()})) {
    GTEST_SKIP() << "this ffmpeg cannot make mp3";
  }
  // An ID3v2.3 tag with one COMM frame: Latin-1, English, description iTunNORM.
  const std::string body = std::string("\0eng", 4) + "iTunNORM" + std::string(1, '\0') + " 00001234";
  const auto size = static_cast<char>(body.size());
  const std::string frame = "COMM" + std::string(3, '\0') + size + std::string(2, '\0') + body;
  const std::string tag =
      "ID3" + std::string("\x03\0\0", 3) + std::string(3, '\0') + static_cast<char>(frame.size()) + frame;
  test::write_bytes(file, tag + test::read_file(file));
  EXPECT_EQ(read_comment(file), "") << "iTunNORM is no comment";
  write_comment(file, kCaption);
  EXPECT_EQ(read_comment(file), kCaption);
  const std::string bytes = test::read_file(file);
  EXPECT_THAT(bytes.substr(0, 4), testing::StrEq("ID3\x03")) << "the version of the tag stays";
  EXPECT_THAT(bytes, testing::HasSubstr("00001234"));
  EXPECT_NE(bytes.substr(bytes.size() - 128, 3), "TAG") << "no other kind of tag is added";
}

TEST(FileTags, WritesThroughASymbolicLink) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "music");
  test::write_wav(folder / "music/a.wav", test::tones(1600));
  std::filesystem::create_symlink("music/a.wav", folder / "link.wav");
  write_comment(folder / "link.wav", kCaption);
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link.wav"));
  EXPECT_EQ(read_comment(folder / "music/a.wav"), kCaption);
  EXPECT_THAT(names_in(folder), testing::ElementsAre("link.wav", "music"));
}

TEST(FileTags, OddNames) {
  const TemporaryFolder folder;
  for (const char* const name : {"-a.wav", "two\nlines.wav", "\xff.wav", "$(x) 'q' \"q\".wav"}) {
    test::write_wav(folder / name, test::tones(1600));
    write_comment(folder / name, kCaption);
    EXPECT_EQ(read_comment(folder / name), kCaption) << name;
  }
}

TEST(FileTags, ARelativeName) {
  const TemporaryFolder folder;
  const test::WorkingFolder working(folder.path());
  test::write_wav("a.wav", test::tones(1600));
  write_comment("a.wav", kCaption);
  EXPECT_EQ(read_comment("a.wav"), kCaption);
}

TEST(FileTags, Errors) {
  const TemporaryFolder folder;
  EXPECT_EQ(kind_of(folder / "none.mp3"), "not_found");
  EXPECT_EQ(kind_of(folder.path()), "invalid_argument");
  test::write_bytes(folder / "a.txt", "no music");
  EXPECT_EQ(kind_of(folder / "a.txt"), "unsupported");
  test::write_bytes(folder / "a.wav", "no music");
  EXPECT_NE(kind_of(folder / "a.wav"), "none");
  EXPECT_EQ(test::read_file(folder / "a.wav"), "no music");
  test::write_wav(folder / "b.wav", test::tones(100));
  EXPECT_EQ(kind_of(folder / "b.wav", ""), "invalid_argument");
  EXPECT_EQ(kind_of(folder / "b.wav", std::string_view("a\0b", 3)), "invalid_argument");
  EXPECT_EQ(kind_of("/dev/null"), "unsupported");
  EXPECT_THROW(read_comment(folder / "none.mp3"), Error);
  EXPECT_THROW(read_comment(folder / "a.txt"), Error);
  EXPECT_THAT(names_in(folder), testing::ElementsAre("a.txt", "a.wav", "b.wav"));
}

TEST(FileTags, AReadOnlyFileStaysAsItIs) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everything";
  const TemporaryFolder folder;
  test::write_wav(folder / "a.wav", test::tones(100));
  const std::string before = test::read_file(folder / "a.wav");
  ASSERT_EQ(::chmod((folder / "a.wav").c_str(), 0444), 0);
  EXPECT_EQ(kind_of(folder / "a.wav"), "io");
  EXPECT_EQ(test::read_file(folder / "a.wav"), before);
}

TEST(FileTags, BadUtf8IsReplaced) {
  const TemporaryFolder folder;
  test::write_wav(folder / "a.wav", test::tones(100));
  write_comment(folder / "a.wav",
                "a\xff"
                "b");
  EXPECT_EQ(read_comment(folder / "a.wav"),
            "a\xEF\xBF\xBD"
            "b");
}

}  // namespace
}  // namespace lpmc
