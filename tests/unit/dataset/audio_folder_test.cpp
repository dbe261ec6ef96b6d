#include "lpmc/dataset/audio_folder.h"

#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lpmc/dataset/audio_finder.h"
#include "lpmc/dataset/caption_columns.h"

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using test::ThrowsLpmc;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

bool is_audio(const fs::path& file) {
  return file.extension() == ".wav" || file.extension() == ".mp3" || file.extension() == ".npy";
}

class Folders : public ::testing::Test {
 protected:
  fs::path file(const std::string& name, const std::string& text = "") const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  std::map<std::string, ManifestRecord> read() {
    result_ = read_audio_folder(folder_.path(), is_audio);
    std::map<std::string, ManifestRecord> by_id;
    for (const ManifestRecord& record : result_.records)
      by_id[record.id] = record;
    return by_id;
  }

  test::TemporaryFolder folder_;
  AudioFolder result_;
};

using AudioFolders = Folders;
using AudioFinders = Folders;
using CaptionFiles = Folders;

TEST_F(AudioFolders, SongsTakeTheTextBesideThem) {
  file("b.wav");
  file("b.txt", "  A slow\nsong. \xFF\n");
  file("sub dir/a.mp3");
  file("lost.txt", "nobody's");
  file(".hidden/c.wav");
  file(".d.wav");
  file("notes.pdf");
  const auto songs = read();
  ASSERT_EQ(songs.size(), 2U);
  EXPECT_EQ(songs.at("b").audio, "b.wav");
  EXPECT_EQ(songs.at("b").caption, "A slow song. \xEF\xBF\xBD");
  EXPECT_EQ(songs.at("sub dir/a").audio, "sub dir/a.mp3");
  EXPECT_EQ(songs.at("sub dir/a").caption, "");
  EXPECT_EQ(result_.texts, 1U);
  EXPECT_EQ(result_.lost_texts, 1U);
}

TEST_F(AudioFolders, SongsThatDifferInTheirExtensionKeepIt) {
  file("a.wav");
  file("a.mp3");
  file("a.txt", "Both.");
  const auto songs = read();
  EXPECT_EQ(songs.at("a.wav").caption, "Both.");
  EXPECT_EQ(songs.at("a.mp3").caption, "Both.");
}

TEST_F(AudioFolders, MetadataAsHuggingFaceHasIt) {
  file("train/x.wav");
  file("train/y.wav");
  file("validation/z.wav");
  file("train/metadata.jsonl",
       "{\"file_name\": \"x.wav\", \"text\": \"Of x.\", \"tags\": [\" a\", \"\"], \"artist_name\": \"B\"}\n"
       "{\"file_name\": \"gone.wav\", \"text\": \"Of nobody.\"}\n");
  file("validation/metadata.csv", "file_name,id,caption,caption_writing\nz.wav,Z1,\"Of z, too\",W\n");
  const auto songs = read();
  ASSERT_EQ(songs.size(), 3U);
  EXPECT_EQ(songs.at("train/x").caption, "Of x.");
  EXPECT_THAT(songs.at("train/x").tags, ElementsAre("a"));
  EXPECT_EQ(songs.at("train/x").artist, "B");
  EXPECT_EQ(songs.at("train/x").split, "train");
  EXPECT_EQ(songs.at("Z1").caption, "Of z, too");
  EXPECT_EQ(songs.at("Z1").split, "valid");
  EXPECT_THAT(songs.at("Z1").captions, ElementsAre(Pair("writing", "W")));
  EXPECT_EQ(result_.rows, 2U);
  EXPECT_EQ(result_.lost_rows, 1U);
}

TEST_F(AudioFolders, BadMetadataIsNamed) {
  file("x.wav");
  file("y.wav");
  file("metadata.jsonl", "{\"text\": \"no name\", \"id\": 1}\n");
  EXPECT_THAT([&] { read(); },
              ThrowsLpmc(ErrorKind::corrupt, "metadata.jsonl: line 1: expected a \"file_name\""));
  file("metadata.jsonl", "{\"file_name\":\"x.wav\",\"id\":\"y\"}\n");
  EXPECT_THAT([&] { read(); }, ThrowsLpmc(ErrorKind::corrupt, "expected an id of its own"));
  EXPECT_THAT([&] { read_audio_folder(folder_ / "none", is_audio); },
              ThrowsLpmc(ErrorKind::not_found, "no such folder"));
  EXPECT_THAT([&] { read_audio_folder(folder_ / "x.wav", is_audio); },
              ThrowsLpmc(ErrorKind::invalid_argument, "expected a folder"));
}

ManifestRecord record_of(const std::string& id, const std::string& audio = "") {
  ManifestRecord record;
  record.id = id;
  record.audio = audio;
  return record;
}

TEST_F(AudioFinders, FollowAPattern) {
  file("npy/3/7/37.npy");
  const AudioFinder finder(folder_.path(), "npy/{stem}.npy", is_audio);
  EXPECT_EQ(finder.find(record_of("TR1", "3/7/37.mp3")), folder_ / "npy/3/7/37.npy");
  EXPECT_EQ(finder.find(record_of("TR2", "3/7/38.mp3")), "");
  EXPECT_EQ(fill_audio_pattern("{track}/{id}-{path}", record_of("[v]-[1-2]", "p.x")), "v/[v]-[1-2]-p.x");
  for (const std::string pattern : {"{x}", "{id", "a{}"}) {
    EXPECT_THAT([&] { AudioFinder(folder_.path(), pattern, is_audio); },
                ThrowsLpmc(ErrorKind::invalid_argument, "audio pattern"))
        << pattern;
  }
  EXPECT_THAT([&] { AudioFinder(folder_ / "none", "{id}", is_audio); },
              ThrowsLpmc(ErrorKind::not_found, "none"));
}

TEST_F(AudioFinders, LookForThePathThenForTheName) {
  file("a/one.mp3");
  file("b/two.npy");
  file("deep/down/[v]-[30-40].wav");
  file("video.wav");
  file("TR9.txt");
  const AudioFinder finder(folder_.path(), "", is_audio);
  EXPECT_EQ(finder.find(record_of("1", "a/one.mp3")), folder_ / "a/one.mp3");
  EXPECT_EQ(finder.find(record_of("2", "b/two.mp3")), folder_ / "b/two.npy");
  EXPECT_EQ(finder.find(record_of("[v]-[30-40]")), folder_ / "deep/down/[v]-[30-40].wav");
  EXPECT_EQ(finder.find(record_of("[video]-[0-10]")), folder_ / "video.wav");
  EXPECT_EQ(finder.find(record_of("TR9")), "");
}

TEST_F(AudioFinders, ManifestsNameAudioRelativelyWhereBothMayMove) {
  EXPECT_EQ(manifest_audio("/data/set/a/b.wav", "/data/set"), "a/b.wav");
  EXPECT_EQ(manifest_audio("/data/music/b.wav", "/data/set"), "/data/music/b.wav");
  EXPECT_EQ(manifest_audio("music/b.wav", "sets/one"), "../../music/b.wav");
  EXPECT_EQ(manifest_audio("music/b.wav", ""), "music/b.wav");
}

TEST_F(CaptionFiles, OfEveryExport) {
  const auto expected =
      UnorderedElementsAre(Pair("a", UnorderedElementsAre(Pair("writing", "W"), Pair("summary", "S"))),
                           Pair("b", UnorderedElementsAre(Pair("writing", "X"))));
  EXPECT_THAT(read_caption_columns(file("c.jsonl",
                                        "{\"id\":\"a\",\"prompt\":\"writing\",\"caption\":\"W\"}\n"
                                        "{\"id\":\"a\",\"prompt\":\"summary\",\"caption\":\"S\"}\n"
                                        "{\"id\":\"b\",\"prompt\":\"writing\",\"caption\":\"X\"}\n")),
              expected);
  EXPECT_THAT(read_caption_columns(
                  file("c.csv", "id,split,prompt,caption\na,,writing,W\na,,summary,S\nb,,writing,X\n")),
              expected);
  EXPECT_THAT(read_caption_columns(
                  file("m.jsonl",
                       "{\"id\":\"a\",\"caption\":\"human\",\"captions\":{\"writing\":\"W\",\"summary\":"
                       "\"S\"}}\n{\"id\":\"b\",\"captions\":{\"writing\":\"X\"}}\n")),
              expected);
  file("hf/train/metadata.jsonl",
       "{\"file_name\":\"x.wav\",\"id\":\"a\",\"caption_writing\":\"W\",\"caption_summary\":\"S\","
       "\"caption_ground_truth\":null}\n");
  file("hf/test/metadata.jsonl", "{\"id\":\"b\",\"caption_writing\":\"X\",\"caption_summary\":null}\n");
  EXPECT_THAT(read_caption_columns(folder_ / "hf"), expected);
}

TEST_F(CaptionFiles, ATreeIsAnotherCommandsBusiness) {
  file("tree/musiccaps/writing/train/a.txt", "W");
  EXPECT_THAT([&] { read_caption_columns(folder_ / "tree"); },
              ThrowsLpmc(ErrorKind::invalid_argument, "tag-to-caption import"));
}

}  // namespace
}  // namespace lpmc
