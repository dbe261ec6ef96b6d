#include "lpmc/dataset/manifest.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"

namespace lpmc {
namespace {

using test::ThrowsLpmc;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class Manifest : public ::testing::Test {
 protected:
  std::vector<ManifestRecord> read(const std::string& text) const {
    std::ofstream(folder_ / "tracks.jsonl", std::ios::binary) << text;
    return read_manifest(folder_ / "tracks.jsonl");
  }

  test::TemporaryFolder folder_;
};

TEST_F(Manifest, ReadsEveryField) {
  const auto records = read(
      R"({"id": "a", "audio": "a.wav", "split": "validation", "artist": "B", "tags": [" sad", ""], )"
      R"("caption": " Sad.\n", "captions": {"writing": "W", "summary": null, "paraphrase": " "}, "x": [1]})"
      "\n\n{\"id\": 7}");
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].id, "a");
  EXPECT_EQ(records[0].audio, "a.wav");
  EXPECT_EQ(records[0].split, "valid");
  EXPECT_EQ(records[0].artist, "B");
  EXPECT_THAT(records[0].tags, ElementsAre("sad"));
  EXPECT_EQ(records[0].caption, "Sad.");
  EXPECT_THAT(records[0].captions, ElementsAre(Pair("writing", "W")));
  EXPECT_EQ(records[1].id, "7");
  EXPECT_THAT(records[1].tags, IsEmpty());
}

TEST_F(Manifest, WhatIsWrittenIsReadBack) {
  ManifestRecord record;
  record.id = "[x]-[10-20]";
  record.audio = "sub/ä \"b\".wav";
  record.split = "train";
  record.artist = "Someone";
  record.tags = {"a", "b, c"};
  record.caption = "Two\nlines.";
  record.captions = {{"summary", "S"}, {"writing", "W"}};
  ManifestRecord bare;
  bare.id = "bare";
  EXPECT_EQ(manifest_line(bare), R"({"id":"bare"})");
  write_manifest(folder_ / "out.jsonl", {record, bare});
  const auto records = read_manifest(folder_ / "out.jsonl");
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(manifest_line(records[0]), manifest_line(record));
  EXPECT_EQ(records[0].captions, record.captions);
  EXPECT_EQ(records[1].id, "bare");
}

TEST_F(Manifest, BrokenLinesAreNamed) {
  const auto expect_error = [&](const std::string& line, const std::string& message) {
    EXPECT_THAT([&] { read("{\"id\": \"first\"}\n" + line + "\n"); },
                ThrowsLpmc(ErrorKind::corrupt, "tracks.jsonl: line 2: " + message));
  };
  expect_error("{\"id\": \"a\", ", "expected a JSON object");
  expect_error("[1]", "expected a JSON object, found array");
  expect_error("{\"audio\": \"a\"}", "expected an id");
  expect_error(R"({"id": "a", "audio": 5})", "audio: expected a string, found number");
  expect_error(R"({"id": "a", "caption": ["x"]})", "caption: expected a string, found array");
  expect_error(R"({"id": "a", "captions": "x"})", "captions: expected an object of strings, found string");
  expect_error(R"({"id": "a", "captions": {"writing": 1}})",
               "captions.writing: expected a string, found number");
  expect_error(R"({"id": "a", "tags": {"x": 1}})", "tags: expected a list of strings");
  expect_error(R"({"id": "first"})", "expected an id of its own, found 'first' of line 1");
  EXPECT_THAT([&] { read_manifest(folder_ / "none.jsonl"); }, ThrowsLpmc(ErrorKind::not_found, "none.jsonl"));
}

TEST_F(Manifest, LinesAreHandedOverWithTheirNumbersAndRepeats) {
  TextSource text("{\"id\":\"a\"}\n\n{\"id\":\"a\"}\n{\"id\":\"b\"}", "m");
  std::vector<std::pair<std::string, std::size_t>> found;
  read_manifest_lines(
      text, [&](ManifestRecord&& record, std::size_t line) { found.emplace_back(record.id, line); });
  EXPECT_THAT(found, ElementsAre(Pair("a", 1), Pair("a", 3), Pair("b", 4)));
}

TEST_F(Manifest, AudioLiesUnderTheFolderOrWhereItSays) {
  ManifestRecord record;
  EXPECT_EQ(audio_path(record, "/m"), "");
  record.audio = "a/b.wav";
  EXPECT_EQ(audio_path(record, "/m"), "/m/a/b.wav");
  record.audio = "/elsewhere/b.wav";
  EXPECT_EQ(audio_path(record, "/m"), "/elsewhere/b.wav");
}

TEST_F(Manifest, ClipsOfOneRecordingHaveOneTrack) {
  const auto track = [](const std::string& id, const std::string& audio) {
    ManifestRecord record;
    record.id = id;
    record.audio = audio;
    return track_of(record);
  };
  EXPECT_EQ(track("[-0Gj8-vB1q4]-[30-40]", ""), "-0Gj8-vB1q4");
  EXPECT_EQ(track("17", "f/bach-cantatas-01-aria-30-59.mp3"), "f/bach-cantatas-01-aria");
  EXPECT_EQ(track("18", "f/bach-cantatas-01-aria-59-88.mp3"), "f/bach-cantatas-01-aria");
  EXPECT_EQ(track("TRABC", "3/7/373408.clip.mp3"), "TRABC");
  EXPECT_EQ(track("x", "take-5.mp3"), "x");
  EXPECT_EQ(track("[]-[1-2]", ""), "[]-[1-2]");
}

}  // namespace
}  // namespace lpmc
