// What is counted, found shared and assigned over a whole manifest.

#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lpmc/dataset/manifest_stats.h"
#include "lpmc/dataset/split_assign.h"
#include "lpmc/dataset/split_leaks.h"

#include "tests/support/matchers.h"

namespace lpmc {
namespace {

using test::ThrowsLpmc;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

ManifestRecord record_of(const std::string& id, const std::string& split, const std::string& audio = "") {
  ManifestRecord record;
  record.id = id;
  record.split = split;
  record.audio = audio;
  return record;
}

TEST(ManifestStats, CountsRecordsTagsAndCaptions) {
  ManifestStats stats([](std::string_view text) { return text.size(); }, 10);
  ManifestRecord record = record_of("a", "train", "a.wav");
  record.tags = {"x", "y", "x"};
  record.caption = "two  words";
  record.captions["writing"] = "more than ten letters";
  stats.add(record);
  record = record_of("b", "train");
  record.tags = {"y"};
  record.captions["writing"] = "one";
  stats.add(record);
  stats.add(record_of("c", "test"));
  const SplitSummary& train = stats.splits().at("train");
  EXPECT_EQ(train.records, 2U);
  EXPECT_EQ(train.with_audio, 1U);
  EXPECT_EQ(train.with_tags, 2U);
  EXPECT_EQ(train.tags.mean(), 2);
  EXPECT_EQ(train.without_text, 0U);
  EXPECT_EQ(train.columns.at("caption").words.most, 2U);
  const CaptionSummary& writing = train.columns.at("writing");
  EXPECT_EQ(writing.words.count, 2U);
  EXPECT_EQ(writing.words.least, 1U);
  EXPECT_EQ(writing.words.most, 4U);
  EXPECT_EQ(writing.tokens.most, 21U);
  EXPECT_EQ(writing.too_long, 1U);
  EXPECT_EQ(stats.splits().at("test").without_text, 1U);
  EXPECT_EQ(stats.distinct_tags(), 2U);
  EXPECT_THAT(stats.top_tags(1), ElementsAre(Pair("y", 2)));
  EXPECT_THAT(stats.top_tags(9), ElementsAre(Pair("y", 2), Pair("x", 1)));
}

TEST(SplitLeaks, SharedIdsTracksAndSound) {
  const std::vector<ManifestRecord> records = {
      record_of("same", "train"),
      record_of("same", "test"),
      record_of("[video]-[0-10]", "train"),
      record_of("[video]-[10-20]", "train"),
      record_of("[video]-[20-30]", "valid"),
      record_of("one", "train"),
      record_of("other", "test"),
      record_of("third", "train"),
      record_of("twin", "train"),
      record_of("twin", "train"),
      record_of("none", ""),
      record_of("none", "test"),
  };
  const std::vector<std::optional<std::uint64_t>> contents = {1, 1, 2, 3, 4, 5, 5, 6, 6, {}, 6, {}};
  const std::vector<Leak> leaks = find_leaks(records, contents);
  ASSERT_EQ(leaks.size(), 3U);
  EXPECT_EQ(leaks[0].kind, LeakKind::id);
  EXPECT_THAT(leaks[0].records, ElementsAre(0, 1));
  EXPECT_EQ(leaks[1].kind, LeakKind::track);
  EXPECT_THAT(leaks[1].records, ElementsAre(2, 3, 4));
  EXPECT_EQ(leaks[2].kind, LeakKind::audio);
  EXPECT_THAT(leaks[2].records, ElementsAre(5, 6));
  EXPECT_THAT(find_leaks(std::span(records).subspan(5, 5), {}), IsEmpty());
}

std::vector<ManifestRecord> clips(std::size_t tracks, std::size_t each) {
  std::vector<ManifestRecord> records;
  for (std::size_t track = 0; track < tracks; ++track) {
    for (std::size_t clip = 0; clip < each; ++clip)
      records.push_back(record_of("[t" + std::to_string(track) + "]-[" + std::to_string(clip) + "0-1]", ""));
  }
  return records;
}

std::map<std::string, std::size_t> counts_of(const std::vector<ManifestRecord>& records) {
  std::map<std::string, std::size_t> counts;
  for (const ManifestRecord& record : records)
    ++counts[record.split];
  return counts;
}

TEST(SplitAssign, GivesTheSharesAndKeepsTracksTogether) {
  std::vector<ManifestRecord> records = clips(250, 4);
  assign_splits(records, {.valid = 0.1, .test = 0.2});
  EXPECT_THAT(counts_of(records), ElementsAre(Pair("test", 200), Pair("train", 700), Pair("valid", 100)));
  std::map<std::string, std::set<std::string>> splits;
  for (const ManifestRecord& record : records)
    splits[track_of(record)].insert(record.split);
  for (const auto& [track, own] : splits)
    EXPECT_EQ(own.size(), 1U) << track;
}

TEST(SplitAssign, FollowsFromSeedAndNamesAlone) {
  std::vector<ManifestRecord> records = clips(50, 2), same = clips(50, 2), other = clips(50, 2);
  std::reverse(same.begin(), same.end());
  assign_splits(records, {.seed = 4});
  assign_splits(same, {.seed = 4});
  std::reverse(same.begin(), same.end());
  assign_splits(other, {.seed = 5});
  const auto splits_of = [](const std::vector<ManifestRecord>& of) {
    std::string splits;
    for (const ManifestRecord& record : of)
      splits += record.split.substr(0, 2);
    return splits;
  };
  EXPECT_EQ(splits_of(same), splits_of(records));
  EXPECT_NE(splits_of(other), splits_of(records));
}

TEST(SplitAssign, ByArtistAndOfVeryFew) {
  std::vector<ManifestRecord> records = clips(3, 1);
  for (ManifestRecord& record : records)
    record.artist = "one";
  EXPECT_THAT(
      [&] { assign_splits(records, {.by = "artist"}); },
      ThrowsLpmc(ErrorKind::invalid_argument, "at least 3 groups by artist, one for each split, found 1"));
  assign_splits(records, {.by = "id"});
  EXPECT_THAT(counts_of(records), ElementsAre(Pair("test", 1), Pair("train", 1), Pair("valid", 1)));
  assign_splits(records, {.valid = 0, .test = 0, .by = "artist"});
  EXPECT_THAT(counts_of(records), ElementsAre(Pair("train", 3)));
  EXPECT_THAT([&] { assign_splits(records, {.valid = 0.5, .test = 0.5}); },
              ThrowsLpmc(ErrorKind::invalid_argument, "together below 1"));
  EXPECT_THAT([&] { assign_splits(records, {.by = "mood"}); },
              ThrowsLpmc(ErrorKind::invalid_argument, "found 'mood'"));
}

}  // namespace
}  // namespace lpmc
