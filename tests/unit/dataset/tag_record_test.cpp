#include "lpmc/dataset/tag_record.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "lpmc/dataset/clean_tags.h"
#include "lpmc/dataset/parquet_table.h"

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"

namespace lpmc {
namespace {

using test::ThrowsLpmc;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kAddressSanitizer = true;
#elif defined(__has_feature)
constexpr bool kAddressSanitizer = __has_feature(address_sanitizer);
#else
constexpr bool kAddressSanitizer = false;
#endif

class TagRecords : public ::testing::Test {
 protected:
  std::filesystem::path file(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  /// Reads into records_ and counts_.
  void read_from(const RecordSource& source) {
    records_.clear();
    counts_ = read_tag_records(source, [&](TagRecord&& record) { records_.push_back(std::move(record)); });
  }
  void read(const std::string& text, DatasetLayout layout = DatasetLayout::automatic) {
    read_from({.input = file("in", text), .layout = layout, .split_file = {}, .splits = {}});
  }
  std::vector<std::string> ids() const {
    std::vector<std::string> ids;
    for (const TagRecord& record : records_)
      ids.push_back(record.id);
    return ids;
  }

  test::TemporaryFolder folder_;
  std::vector<TagRecord> records_;
  RecordCounts counts_;
};

TEST_F(TagRecords, ReadsAnnotationsById) {
  read(
      R"({"[a]-[10-20]": {"aspect_list": ["sad", "slow"], "caption": "A sad song.", "is_audioset_eval": true},
           "b": {"extra": {"deep": [1, {"tag": ["no"]}]}, "aspect_list": ["x"], "is_audioset_eval": false}})");
  ASSERT_THAT(ids(), ElementsAre("[a]-[10-20]", "b"));
  EXPECT_THAT(records_[0].tags, ElementsAre("sad", "slow"));
  EXPECT_EQ(records_[0].caption, "A sad song.");
  EXPECT_EQ(records_[0].split, "test");
  EXPECT_THAT(records_[1].tags, ElementsAre("x"));
  EXPECT_EQ(records_[1].split, "train");
  EXPECT_EQ(counts_.kept, 2U);
}

TEST_F(TagRecords, LayoutTellsTheField) {
  const std::string text = R"({"1": {"tag": ["msd"], "extra_tag": ["mtat"], "path": "f/1.mp3"}})";
  read(text);
  EXPECT_THAT(records_.at(0).tags, ElementsAre("mtat"));
  EXPECT_EQ(records_.at(0).audio, "f/1.mp3");
  read(text, DatasetLayout::mtat);
  EXPECT_THAT(records_.at(0).tags, ElementsAre("mtat"));
  read(text, DatasetLayout::msd);
  EXPECT_THAT(records_.at(0).tags, ElementsAre("msd"));
  EXPECT_THAT([&] { read(text, DatasetLayout::musiccaps); },
              ThrowsLpmc(ErrorKind::corrupt,
                         "expected records with tags in 'aspect_list', found 1 records without; "
                         "the first has: extra_tag, path, tag"));
}

TEST_F(TagRecords, ReadsManifestsAndArrays) {
  const std::string a =
      R"({"id": "a", "audio": "a.wav", "split": "validation", "tags": ["x"], "caption": "c",)"
      R"( "captions": {"writing": "w"}})";
  const std::string b =
      R"({"track_id": 7, "tags": "x, y", "caption_ground_truth": "g", "caption_summary": "s"})";
  for (const std::string& text : {a + "\n\n" + b + "\r\n", "[" + a + ",\n" + b + "]"}) {
    read(text);
    ASSERT_THAT(ids(), ElementsAre("a", "7"));
    EXPECT_EQ(records_[0].split, "valid");
    EXPECT_EQ(records_[0].audio, "a.wav");
    EXPECT_EQ(records_[0].captions, (std::map<std::string, std::string>{{"writing", "w"}}));
    EXPECT_THAT(records_[1].tags, ElementsAre("x", "y"));
    EXPECT_EQ(records_[1].caption, "g");
    EXPECT_EQ(records_[1].captions, (std::map<std::string, std::string>{{"summary", "s"}}));
  }
}

TEST_F(TagRecords, ReadsMusicCapsCsv) {
  read(
      "\xEF\xBB\xBFytid,start_s,end_s,aspect_list,caption,is_audioset_eval\r\n"
      "-0Gj8,30,40,\"['low quality', \"\"it's\"\"]\",\"two\nlines\",True\r\n"
      "x,0,10,[],nothing,False\r\n");
  ASSERT_THAT(ids(), ElementsAre("[-0Gj8]-[30-40]"));
  EXPECT_THAT(records_[0].tags, ElementsAre("low quality", "it's"));
  EXPECT_EQ(records_[0].caption, "two\nlines");
  EXPECT_EQ(records_[0].split, "test");
  EXPECT_EQ(counts_.without_tags, 1U);
}

TEST_F(TagRecords, SplitFileDecides) {
  const auto input = file("in.json", R"({"a": {"tag": ["x"]}, "b": {"tag": ["x"]}, "c": {"tag": ["x"]},
      "d": {"tag": []}, "e": {"tag": ["x"], "split": "train"}, "a": {"tag": ["again"]}})");
  const auto splits =
      file("split.json", R"({"train_track": ["a", "gone"], "valid_track": [], "test_track": ["b"],
      "extra_track": ["c", "d", 5], "note": "text", "counts": {"train": 3}})");
  RecordSource source{
      .input = input, .layout = DatasetLayout::msd, .split_file = splits, .splits = {"train"}};
  read_from(source);
  EXPECT_THAT(ids(), ElementsAre("a", "c"));
  EXPECT_EQ(records_[1].split, "train");
  EXPECT_EQ(counts_.kept, 2U);
  EXPECT_EQ(counts_.other_splits, 1U);
  EXPECT_EQ(counts_.without_tags, 1U);
  EXPECT_EQ(counts_.without_split, 1U);
  EXPECT_EQ(counts_.duplicate_ids, 1U);
  EXPECT_EQ(counts_.missing_ids, 2U);  // "gone" and 5
  source.splits = {"VALID"};
  read_from(source);
  EXPECT_EQ(counts_.kept, 0U);
  source.splits = {"dev set"};
  EXPECT_THAT([&] { read_from(source); },
              ThrowsLpmc(ErrorKind::invalid_argument, "'dev set', found: train, valid, test"));
}

TEST_F(TagRecords, RecordsWithoutTagsAreTakenWhereNoTagsAreNeeded) {
  const auto input =
      file("in.jsonl", "{\"id\": \"a\", \"audio\": \"a.wav\"}\n{\"id\": \"b\", \"tags\": []}\n");
  read_from({.input = input, .split_file = {}, .splits = {}, .needs_tags = false});
  EXPECT_THAT(ids(), ElementsAre("a", "b"));
  EXPECT_EQ(records_[0].audio, "a.wav");
  EXPECT_EQ(counts_.kept, 2U);
  EXPECT_EQ(counts_.without_tags, 0U);
  read_from({.input = input, .split_file = {}, .splits = {}});
  EXPECT_EQ(counts_.without_tags, 2U);
}

TEST_F(TagRecords, AnIdInTwoSplitsIsHeldOut) {
  const auto input = file("in.json", R"({"a": {"tag": ["x"]}, "b": {"tag": ["x"]}})");
  const auto splits =
      file("s.json", R"({"test_track": ["a"], "train_track": ["a", "b"], "valid_track": ["b"]})");
  read_from({.input = input, .layout = DatasetLayout::msd, .split_file = splits, .splits = {}});
  EXPECT_EQ(records_.at(0).split, "test");
  EXPECT_EQ(records_.at(1).split, "valid");
}

TEST_F(TagRecords, CleansTags) {
  std::size_t too_long = 0;
  EXPECT_THAT(clean_tags({" a\tb\n", "", "c", "a b", "\x01", "c", "d\u0085e", "caf\u00e9", "\xFF"}, too_long),
              ElementsAre("a b", "c", "a b", "c", "d e", "caf\u00e9", "\uFFFD"))
      << "repeats stay, as in the published prompts";
  EXPECT_EQ(too_long, 0U);
  EXPECT_THAT(clean_tags({std::string(1001, 'x'), std::string(10000, 'y'), std::string(1000, 'z')}, too_long),
              ElementsAre(std::string(1000, 'z')));
  EXPECT_EQ(too_long, 2U);
  read(
      R"({"a": {"tag": ["x\u0000y", null, 80, ""]}, "b": {"tag": null}, "c": {"tag": [" "]}, "d": {"tag": [")" +
      std::string(10000, 'l') + R"("]}})");
  ASSERT_THAT(ids(), ElementsAre("a"));
  EXPECT_THAT(records_[0].tags, ElementsAre("x y", "80"));
  EXPECT_EQ(counts_.without_tags, 3U);
  EXPECT_EQ(counts_.long_tags, 1U);
}

TEST_F(TagRecords, ReadsPythonsNotANumber) {
  read(R"({"a": {"tag": ["NaN \" NaN"], "year": NaN, "x": [Infinity, -Infinity]}, "b": {"tag": NaN}})"
       "\n");
  EXPECT_THAT(ids(), ElementsAre("a"));
  EXPECT_THAT(records_[0].tags, ElementsAre("NaN \" NaN"));
  EXPECT_EQ(counts_.without_tags, 1U);
}

TEST_F(TagRecords, SaysWhatIsWrongWithTheFile) {
  const auto expect = [&](const std::string& text, const std::string& message) {
    EXPECT_THAT([&] { read(text); }, ThrowsLpmc(ErrorKind::corrupt, message)) << text;
  };
  expect("", "expected records, found an empty file");
  expect(" \n", "expected records, found an empty file");
  expect("<html>\n<body>", "expected JSON, JSONL or CSV with a column");
  expect("a,b\n1,2\n", "found a first line of a,b");
  expect("{\"a\": {\"tag\": [\"x\"]},\n \"b\": {\"tag\": oops}}", "line 2: expected JSON");
  expect("{\"a\": {\"tag\": [\"x\"]}", "expected JSON");
  expect("{\"a\": {\"tag\": [\"x\"]}, \"b\": 3}",
         "expected an object for each record, found number under 'b'");
  expect("{\"a\": {\"tag\": [\"x\"]}, \"train_track\": [\"b\"]}", "a split file goes to --split-file");
  expect("{\"a\": {\"tag\": [\"x\"]}, \"b\": {\"tag\": 3}}", "'b': tag: expected a list of strings, found 3");
  expect("{\"a\": {\"tag\": [[\"x\"]]}}", "'a': tag: expected a list of strings, found array");
  expect("{\"id\": \"a\", \"tags\": [\"x\"]}\n{\"id\": \"b\", \"tags\"", "line 2: expected a JSON object");
  expect("{\"id\": \"a\", \"tags\": [\"x\"]}\n[1]\n", "line 2: expected a JSON object, found array");
  expect("{\"tags\": [\"x\"]}\n", "line 1: expected an id");
  expect("[3]", "expected an object for each record");
  expect("id,tags\na,x,y\n", "line 2: expected 2 fields, found 3");
  expect("id,tags\na,\"['x'\"\n", "line 2: tags: expected a list of strings, found '['x''");
  expect("{\"a\": {\"tag\": [\"\xFF\"]}}", "expected JSON");
  expect("{\"a\": {\"tag\": [1e999]}}", "expected JSON");
  EXPECT_THAT([&] { read_from({.input = folder_ / "none", .layout = {}, .split_file = {}, .splits = {}}); },
              ThrowsLpmc(ErrorKind::not_found, "none"));
  EXPECT_THAT([&] { read_from({.input = folder_.path(), .layout = {}, .split_file = {}, .splits = {}}); },
              ThrowsLpmc(ErrorKind::invalid_argument, "expected a file, found a folder"));
  EXPECT_THAT([] { parse_dataset_layout("imagenet"); },
              ThrowsLpmc(ErrorKind::invalid_argument, "musiccaps, mtat"));
  EXPECT_EQ(parse_dataset_layout("ecals"), DatasetLayout::msd);
}

TEST_F(TagRecords, SaysWhatIsWrongWithTheSplitFile) {
  const auto input = file("in.json", R"({"a": {"tag": ["x"]}})");
  const auto expect = [&](const std::string& text, const std::string& message) {
    const auto splits = file("split.json", text);
    EXPECT_THAT([&] { read_from({.input = input, .layout = {}, .split_file = splits, .splits = {}}); },
                ThrowsLpmc(ErrorKind::corrupt, message))
        << text;
  };
  expect("", "split.json: expected JSON, found an empty file");
  expect("[\"a\"]", "expected an object of lists of ids, found an array");
  expect("3", "expected an object of lists of ids, found number");
  expect("{\"x\": 1}", "expected lists of ids such as");
  expect("{\"train_track\": [\"a\"", "split.json: line 1: expected JSON");
}

TEST_F(TagRecords, DeepNestingIsNoStackOverflow) {
  const std::string deep = std::string(200000, '[') + std::string(200000, ']');
  read("{\"a\": {\"tag\": [\"x\"], \"z\": " + deep + "}}");
  EXPECT_THAT(ids(), ElementsAre("a"));
  EXPECT_THAT([&] { read("{\"a\": {\"tag\": [" + deep + "]}}"); },
              ThrowsLpmc(ErrorKind::corrupt, "found array"));
  EXPECT_THAT([&] { read("{\"x\": " + deep + "}\n"); }, ThrowsLpmc(ErrorKind::corrupt, ""));
}

TEST_F(TagRecords, MemoryDoesNotGrowWithTheRecords) {
  if (kAddressSanitizer) GTEST_SKIP() << "AddressSanitizer keeps what was freed";
  const auto peak_kib = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  {
    std::ofstream out(folder_ / "large.json");
    out << "{";
    const std::string filler(1000, 'f');
    for (int i = 0; i < 100000; ++i) {
      out << (i == 0 ? "" : ", ") << "\"TR" << i << "\": {\"title\": \"" << filler
          << "\", \"tag\": [\"rock\"]}";
    }
    out << "}";
  }
  const long before = peak_kib();
  std::uint64_t seen = 0;
  read_tag_records({.input = folder_ / "large.json", .layout = {}, .split_file = {}, .splits = {}},
                   [&](TagRecord&&) { ++seen; });
  EXPECT_EQ(seen, 100000U);
  // 106 MB of records; the ids take some 70 bytes each: 7 MB, and twice that while the table grows.
  EXPECT_LT(peak_kib() - before, 24 * 1024);
}

TEST_F(TagRecords, ReadsTheSharedMusicCapsRecords) {
  const auto annotation = test::shared_path("samples/musiccaps/annotation.json");
  const auto splits = test::shared_path("samples/musiccaps/track_split.json");
  if (!annotation || !splits) GTEST_SKIP() << "samples/musiccaps is not there";
  read_from(
      {.input = *annotation, .layout = DatasetLayout::musiccaps, .split_file = *splits, .splits = {"train"}});
  EXPECT_EQ(counts_.kept, 20U);
  EXPECT_EQ(counts_.missing_ids + counts_.without_split + counts_.without_tags, 0U);
  EXPECT_EQ(records_.at(0).id, "[rOOBAGxxjBk]-[10-20]");
  EXPECT_EQ(records_.at(0).tags.size(), 16U);
  EXPECT_EQ(records_.at(1).split, "train");  // the split file, not is_audioset_eval
}

TEST_F(TagRecords, ReadsAllOfMusicCaps) {
  const auto csv = test::shared_path("data/musiccaps-public.csv");
  if (!csv) GTEST_SKIP() << "data/musiccaps-public.csv is not there";
  read_from({.input = *csv, .layout = DatasetLayout::automatic, .split_file = {}, .splits = {}});
  EXPECT_EQ(counts_.kept, 5521U);
  std::size_t tags = 0;
  std::size_t test = 0;
  for (const TagRecord& record : records_) {
    tags += record.tags.size();
    test += record.split == "test" ? 1 : 0;
  }
  // Python's csv and ast.literal_eval.
  EXPECT_EQ(test, 2858U);
  EXPECT_EQ(records_.at(0).id, "[-0Gj8-vB1q4]-[30-40]");
  EXPECT_THAT(records_.at(0).tags, ElementsAre("low quality", "sustained strings melody", "soft female vocal",
                                               "mellow piano melody", "sad", "soulful", "ballad"));
  EXPECT_EQ(tags, 58901U);
}

TEST_F(TagRecords, LpMusicCapsAsItsAuthorsPublishIt) {
  read(
      "fname,ytid,aspect_list,caption_ground_truth,caption_writing,caption_summary,pseudo_attribute,is_"
      "audioset_eval\n"
      "[v]-[30-40],v,\"['sad', 'slow']\",A human's.,W,S,\"['x']\",True\n",
      parse_dataset_layout("lp-musiccaps-mc"));
  EXPECT_THAT(ids(), ElementsAre("[v]-[30-40]"));
  EXPECT_THAT(records_[0].tags, ElementsAre("sad", "slow"));
  EXPECT_EQ(records_[0].caption, "A human's.");
  EXPECT_EQ(records_[0].split, "test");
  EXPECT_EQ(records_[0].captions, (std::map<std::string, std::string>{{"summary", "S"}, {"writing", "W"}}));
  read(
      R"({"track_id": 5, "artist_name": "B", "tag_top50": ["a"], "tag_top188": ["a", "b"], "path": "f/x-0-29.mp3"})",
      parse_dataset_layout("lp-musiccaps-mtt"));
  EXPECT_THAT(records_.at(0).tags, ElementsAre("a", "b"));
  EXPECT_EQ(records_[0].artist, "B");
  EXPECT_EQ(records_[0].audio, "f/x-0-29.mp3");
  read(R"([{"track_id": "TR1", "tag": ["rap"], "path": "3/7/37.mp3", "caption_paraphrase": "P"}])",
       parse_dataset_layout("lp-musiccaps-msd"));
  EXPECT_EQ(records_.at(0).id, "TR1");
  EXPECT_EQ(records_[0].captions, (std::map<std::string, std::string>{{"paraphrase", "P"}}));
}

TEST_F(TagRecords, TablesWithoutTagsAreTakenWhereNoTagsAreNeeded) {
  const auto input = file("in.csv", "file_name,text\nsub/a.wav,A song.\n");
  read_from({.input = input, .split_file = {}, .splits = {}, .needs_tags = false});
  EXPECT_THAT(ids(), ElementsAre("sub/a"));
  EXPECT_EQ(records_[0].caption, "A song.");
  EXPECT_EQ(records_[0].audio, "sub/a.wav");
  EXPECT_THAT([&] { read("file_name,text\nsub/a.wav,A song.\n"); },
              ThrowsLpmc(ErrorKind::corrupt, "CSV with a column"));
}

TEST_F(TagRecords, ParquetIsNamed) {
  const ErrorKind kind = has_parquet() ? ErrorKind::corrupt : ErrorKind::unsupported;
  EXPECT_THAT([&] { read("PAR1\x15"); }, ThrowsLpmc(kind, "Parquet"));
}

}  // namespace
}  // namespace lpmc
