#include "lpmc/tag_to_caption/export.h"

#include <algorithm>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/utf8.h"
#include "lpmc/dataset/csv_reader.h"
#include "lpmc/dataset/parquet_table.h"
#include "lpmc/dataset/python_list.h"
#include "lpmc/tag_to_caption/export_file_name.h"

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"
#include "tests/unit/tag_to_caption/stored_captions.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::read_file;
using test::source_of;
using test::stored;
using test::ThrowsLpmc;
using test::unfinished;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Export : public ::testing::Test {
 protected:
  ExportCounts run(std::vector<StoredCaption> items, ExportFormat format, const ExportOptions& options = {}) {
    return export_captions(source_of(std::move(items)), format, out_, options, published_prompts());
  }
  std::vector<json> lines(const fs::path& path) const {
    std::vector<json> found;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);)
      found.push_back(json::parse(line));
    return found;
  }
  /// Files under the folder, relative, sorted.
  static std::vector<std::string> files(const fs::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.is_regular_file()) names.push_back(entry.path().lexically_relative(folder));
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  test::TemporaryFolder folder_;
  const fs::path out_ = folder_ / "out";
};

std::vector<StoredCaption> four_jobs() {
  StoredCaption predicted = stored("b", "attribute_prediction", "It's \"two\"\nlines.");
  predicted.result.new_attributes = {"piano", "it's"};
  predicted.result.validation = R"({"coverage":0.5,"missing":["sad"],"flaws":["missing_tags"]})";
  return {stored("a", "writing", "A sad song."), unfinished("a", "summary", JobState::failed, "HTTP 400: no"),
          stored("b", "writing", "Another, one."), predicted, unfinished("c", "writing", JobState::waiting)};
}

TEST_F(Export, JsonlHoldsProvenance) {
  const ExportCounts counts = run(four_jobs(), ExportFormat::jsonl);
  EXPECT_EQ(counts.captions, 3U);
  EXPECT_EQ(counts.records, 2U);
  EXPECT_EQ(counts.left_out, 2U);
  const std::vector<json> rows = lines(out_);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[2], json::parse(R"({"id": "b", "split": "train", "prompt": "attribute_prediction",
      "caption": "It's \"two\"\nlines.", "new_attributes": ["piano", "it's"], "tags": ["sad", "slow, \"blue\""],
      "model": "model-1", "prompt_hash": "abc123", "sampling": {"max_tokens": 256}, "seed": 7,
      "finish_reason": "stop", "prompt_tokens": 40, "completion_tokens": 12, "tokens_estimated": false,
      "cost_usd": 0.001, "validation": {"coverage": 0.5, "missing": ["sad"], "flaws": ["missing_tags"]},
      "tool_version": "0.1.0"})"));
  EXPECT_EQ(rows[0]["validation"], nullptr);
}

TEST_F(Export, EqualCaptionsGiveEqualBytesWheneverTheyWereWritten) {
  run(four_jobs(), ExportFormat::jsonl);
  const std::string first = read_file(out_);
  std::vector<StoredCaption> later = four_jobs();
  for (StoredCaption& item : later) {
    item.last_attempt.time_unix_ms += 5000;
    item.last_attempt.latency_s = 3;
  }
  run(later, ExportFormat::jsonl);
  EXPECT_EQ(read_file(out_), first);
  run(later, ExportFormat::jsonl,
      {.failed = false, .times = true, .overwrite = false, .license = "", .dataset = ""});
  EXPECT_EQ(lines(out_)[0]["time"], "2023-11-14T22:13:25.123Z");
  EXPECT_EQ(lines(out_)[0]["latency_s"], 3.0);
}

TEST_F(Export, FailedJobsOnRequest) {
  const ExportCounts counts =
      run(four_jobs(), ExportFormat::jsonl,
          {.failed = true, .times = false, .overwrite = false, .license = "", .dataset = ""});
  EXPECT_EQ(counts.captions, 4U);
  EXPECT_EQ(counts.left_out, 1U);
  const json failed = lines(out_)[1];
  EXPECT_EQ(failed["state"], "failed");
  EXPECT_EQ(failed["error"], "HTTP 400: no");
  EXPECT_EQ(failed["caption"], "");
}

TEST_F(Export, CsvIsReadBack) {
  run(four_jobs(), ExportFormat::csv);
  TextSource source(out_);
  CsvReader reader(source);
  std::vector<std::string> header;
  std::vector<std::string> row;
  ASSERT_TRUE(reader.next(header));
  EXPECT_THAT(std::vector<std::string>(header.begin(), header.begin() + 6),
              ElementsAre("id", "split", "prompt", "caption", "new_attributes", "tags"));
  ASSERT_TRUE(reader.next(row));
  ASSERT_TRUE(reader.next(row));
  EXPECT_EQ(row[3], "Another, one.");
  ASSERT_TRUE(reader.next(row));
  EXPECT_EQ(row.size(), header.size());
  EXPECT_EQ(row[3], "It's \"two\"\nlines.");
  EXPECT_EQ(parse_python_list(row[4]), (std::vector<std::string>{"piano", "it's"}));
  EXPECT_EQ(parse_python_list(row[5]), (std::vector<std::string>{"sad", "slow, \"blue\""}));
  EXPECT_FALSE(reader.next(row));
}

TEST_F(Export, TextThatIsNotUtf8IsReplacedEverywhere) {
  const std::vector<StoredCaption> items = {stored("a", "writing", "caf\xE9")};
  for (const ExportFormat format : {ExportFormat::jsonl, ExportFormat::csv, ExportFormat::manifest}) {
    run(items, format);
    EXPECT_THAT(read_file(out_), HasSubstr("caf\uFFFD"));
  }
  EXPECT_EQ(tree_text(items[0].result), "caf\uFFFD");
}

TEST_F(Export, TreeIsTheOriginals) {
  std::vector<StoredCaption> items = four_jobs();
  items[0].record.id = "[rOOBAGxxjBk]-[10-20]";
  const ExportOptions options{
      .failed = false, .times = false, .overwrite = false, .license = "", .dataset = "musiccaps"};
  const ExportCounts counts = run(items, ExportFormat::tree, options);
  EXPECT_EQ(counts.captions, 3U);
  EXPECT_THAT(files(out_), ElementsAre("musiccaps/attribute_prediction/train/b.txt",
                                       "musiccaps/writing/train/[rOOBAGxxjBk]-[10-20].txt",
                                       "musiccaps/writing/train/b.txt"));
  EXPECT_EQ(read_file(out_ / "musiccaps/writing/train/b.txt"), "Another, one.");
  EXPECT_EQ(json::parse(read_file(out_ / "musiccaps/attribute_prediction/train/b.txt")),
            json::parse(R"({"new_attribute": ["piano", "it's"], "description": "It's \"two\"\nlines."})"));
}

TEST_F(Export, TreeKeepsEditedFiles) {
  ExportOptions options;
  options.dataset = "d";
  run(four_jobs(), ExportFormat::tree, options);
  const fs::path edited = out_ / "d/writing/train/a.txt";
  std::ofstream(edited) << "By hand.";
  std::ofstream(out_ / "d/writing/train/b.txt", std::ios::trunc).flush();  // as an interrupted run leaves it
  ExportCounts counts = run(four_jobs(), ExportFormat::tree, options);
  EXPECT_EQ(counts.kept, 1U);
  EXPECT_EQ(counts.unchanged, 1U);
  EXPECT_EQ(read_file(edited), "By hand.");
  EXPECT_EQ(read_file(out_ / "d/writing/train/b.txt"), "Another, one.");
  options.overwrite = true;
  counts = run(four_jobs(), ExportFormat::tree, options);
  EXPECT_EQ(counts.kept, 0U);
  EXPECT_EQ(read_file(edited), "A sad song.");
}

TEST_F(Export, TreeStaysInItsFolder) {
  std::vector<StoredCaption> items;
  for (const std::string& id :
       {std::string("../../evil"), std::string("/etc/x"), std::string(".."), std::string("."),
        std::string(""), std::string("nul\0l", 5), std::string(5000, 'x'), std::string("a\\b\n")}) {
    items.push_back(stored(id, "../w", "text"));
    items.back().record.split = "../../s";
  }
  ExportOptions options;
  options.dataset = "../../d";
  EXPECT_EQ(run(items, ExportFormat::tree, options).captions, items.size());
  const std::vector<std::string> names = files(folder_.path());
  EXPECT_EQ(names.size(), items.size());
  for (const std::string& name : names)
    EXPECT_THAT(name, HasSubstr("out/%2E.%2F..%2Fd/%2E.%2Fw/%2E.%2F..%2Fs/"));
}

TEST(ExportFileName, IsSafeAndInjective) {
  EXPECT_EQ(export_file_name("[-0Gj8-vB1q4]-[30-40]"), "[-0Gj8-vB1q4]-[30-40]");
  EXPECT_EQ(export_file_name("TRAAAED128E0783FAB"), "TRAAAED128E0783FAB");
  EXPECT_EQ(export_file_name("caf\u00e9 x"), "caf\u00e9 x");
  EXPECT_EQ(export_file_name("a/b"), "a%2Fb");
  EXPECT_EQ(export_file_name("a%2Fb"), "a%252Fb");
  EXPECT_EQ(export_file_name(".."), "%2E.");
  EXPECT_EQ(export_file_name(" a "), "%20a%20");
  EXPECT_EQ(export_file_name("caf\xE9"), "caf%E9");
  EXPECT_EQ(export_file_name(""), "%");
  const std::string cut = export_file_name(std::string(5000, 'x'));
  EXPECT_LE(cut.size(), 200U);
  EXPECT_NE(cut, export_file_name(std::string(5001, 'x')));
  EXPECT_NE(cut, export_file_name(cut));
  std::string wide;
  for (int i = 0; i < 200; ++i)
    wide += "\u00e9";
  EXPECT_TRUE(is_valid_utf8(export_file_name(wide)));
}

TEST_F(Export, ManifestGoesBackIn) {
  std::vector<StoredCaption> items = four_jobs();
  items[0].record.captions = {{"writing", "old"}, {"paraphrase", "kept"}};
  items[1].record = items[0].record;
  items[2].record.audio = "b.wav";
  items[2].record.caption = "By a human.";
  items[3].record = items[2].record;
  const ExportCounts counts = run(items, ExportFormat::manifest);
  EXPECT_EQ(counts.records, 2U);
  std::vector<TagRecord> records;
  read_tag_records({.input = out_, .layout = DatasetLayout::manifest, .split_file = {}, .splits = {}},
                   [&](TagRecord&& record) { records.push_back(std::move(record)); });
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].captions,
            (std::map<std::string, std::string>{{"paraphrase", "kept"}, {"writing", "A sad song."}}));
  EXPECT_EQ(records[1].audio, "b.wav");
  EXPECT_EQ(records[1].caption, "By a human.");
  EXPECT_EQ(records[1].tags, items[2].record.tags);
  EXPECT_EQ(records[1].captions.size(), 2U);
}

TEST_F(Export, InferenceIsWhatEvaluationReads) {
  StoredCaption first = stored("a", "writing", "A sad \"slow\" song.");
  first.record.caption = "Somebody plays slowly.";
  StoredCaption second = stored("b", "writing", "Nobody wrote of this one.");
  StoredCaption third = stored("c", "writing", "A third one.");
  third.record.caption = "Three.";
  third.record.split = "test";
  const ExportCounts counts = run({first, second, third}, ExportFormat::inference);
  EXPECT_EQ(counts.captions, 2U);
  EXPECT_EQ(counts.left_out, 1U);
  const json file = json::parse(read_file(out_));
  ASSERT_EQ(file.size(), 2U);
  EXPECT_EQ(file["0"], (json{{"predictions", "A sad \"slow\" song."},
                             {"true_captions", "Somebody plays slowly."},
                             {"audio_id", "a"}}));
  EXPECT_EQ(file["1"]["audio_id"], "c");
}

TEST_F(Export, InferenceIsOfOneTaskAndNeedsReferences) {
  StoredCaption writing = stored("a", "writing", "One."), summary = stored("a", "summary", "Two.");
  writing.record.caption = summary.record.caption = "Three.";
  EXPECT_THAT(
      [&] {
        run({writing, summary}, ExportFormat::inference);
      },
      ThrowsLpmc(ErrorKind::invalid_argument, "--task"));
  ExportOptions options;
  options.task = "summary";
  run({writing, summary}, ExportFormat::inference, options);
  EXPECT_EQ(json::parse(read_file(out_))["0"]["predictions"], "Two.");
  EXPECT_THAT([&] { run({stored("a", "writing", "One.")}, ExportFormat::inference); },
              ThrowsLpmc(ErrorKind::invalid_argument, "that people wrote"));
}

TEST_F(Export, OnlyTheWantedSplits) {
  std::vector<StoredCaption> items;
  for (const char* split : {"train", "test", "valid", ""}) {
    items.push_back(stored(std::string("in ") + split, "writing", "A song."));
    items.back().record.split = split;
  }
  ExportOptions options;
  options.split = "test,valid";
  const ExportCounts counts = run(items, ExportFormat::jsonl, options);
  EXPECT_EQ(counts.captions, 2U);
  EXPECT_EQ(lines(out_)[0]["id"], "in test");
  EXPECT_EQ(lines(out_)[1]["id"], "in valid");
}

TEST_F(Export, HuggingFaceFolder) {
  std::vector<StoredCaption> items = four_jobs();
  for (StoredCaption& item : items) {
    if (item.record.id == "b") item.record.split = "test";
    if (item.record.id == "c")
      item.record.split = "valid";  // nothing is done there: no file, not in the card
  }
  ExportOptions options;
  options.dataset = "my \"set\"";
  options.license = "cc-by-nc-4.0";
  const ExportCounts counts = run(items, ExportFormat::hf, options);
  EXPECT_EQ(counts.captions, 3U);
  EXPECT_EQ(counts.records, 2U);
  EXPECT_THAT(files(out_), ElementsAre("README.md", "test/metadata.jsonl", "train/metadata.jsonl"));
  const json train = lines(out_ / "train/metadata.jsonl").at(0);
  const json test = lines(out_ / "test/metadata.jsonl").at(0);
  EXPECT_EQ(train["caption_writing"], "A sad song.");
  EXPECT_EQ(train["caption_attribute_prediction"], nullptr);  // every line has every column
  EXPECT_EQ(test["pseudo_attribute"], json({"piano", "it's"}));
  EXPECT_EQ(test["provenance"][1]["flaws"], json({"missing_tags"}));
  EXPECT_EQ(test["provenance"][1]["coverage"], 0.5);
  EXPECT_EQ(test["provenance"][0]["coverage"], nullptr);
  const std::string card = read_file(out_ / "README.md");
  EXPECT_THAT(
      card, AllOf(HasSubstr("license: \"cc-by-nc-4.0\"\n"), HasSubstr("pretty_name: \"my \\\"set\\\" pseudo"),
                  HasSubstr("  - split: train\n    path: train/metadata.jsonl\n"),
                  HasSubstr("  - split: test\n"), Not(HasSubstr("split: valid")),
                  HasSubstr("Captions of 2 pieces"), HasSubstr("model-1"), HasSubstr("abc123"),
                  HasSubstr("write a song description sentence"), HasSubstr(published_prompts()[0].hash()),
                  HasSubstr("missing\\_tags | 1 |"), HasSubstr("Nobody, and no model, has listened")));
}

TEST_F(Export, ParquetHoldsTheLines) {
  if (!has_parquet()) {
    EXPECT_THAT([] { parse_export_format("parquet"); }, ThrowsLpmc(ErrorKind::unsupported, "Arrow"));
    return;
  }
  std::vector<StoredCaption> items = four_jobs();
  items[0].result.validation = R"({"coverage":0.5})";
  for (const bool all : {false, true}) {
    ExportOptions options;
    options.failed = options.times = all;
    const ExportCounts counts = run(items, parse_export_format("parquet"), options);
    std::vector<json> rows;
    read_parquet_rows(out_, [&](const json& row, std::uint64_t) { rows.push_back(row); });
    const ExportCounts expected = run(items, ExportFormat::jsonl, options);
    EXPECT_EQ(counts.captions, expected.captions);
    EXPECT_EQ(counts.records, expected.records);
    EXPECT_EQ(counts.left_out, expected.left_out);
    for (json& row : rows) {
      for (const char* name : {"sampling", "validation"}) {
        if (!row[name].is_null()) row[name] = json::parse(row[name].get<std::string>());
      }
    }
    EXPECT_EQ(rows, lines(out_));
  }
}

TEST_F(Export, NothingIsLeftOfAFailedExport) {
  const StoredCaptions breaks = [](const std::function<void(const StoredCaption&)>& visit) {
    visit(stored("a", "writing", "text"));
    throw Error(ErrorKind::corrupt, "database: damaged");
  };
  std::ofstream(out_) << "before";
  std::vector<ExportFormat> formats = {ExportFormat::jsonl, ExportFormat::csv, ExportFormat::manifest};
  if (has_parquet()) formats.push_back(ExportFormat::parquet);
  for (const ExportFormat format : formats) {
    EXPECT_THAT([&] { export_captions(breaks, format, out_, {}, {}); },
                ThrowsLpmc(ErrorKind::corrupt, "damaged"));
    EXPECT_EQ(read_file(out_), "before");
  }
  EXPECT_THAT(files(folder_.path()), ElementsAre("out"));
}

TEST_F(Export, FullDisk) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "/dev/full is not there";
  EXPECT_THAT([&] { export_captions(source_of(four_jobs()), ExportFormat::jsonl, "/dev/full", {}, {}); },
              ThrowsLpmc(ErrorKind::io, "/dev/full"));
  if (!has_parquet()) return;
  EXPECT_THAT([&] { export_captions(source_of(four_jobs()), ExportFormat::parquet, "/dev/full", {}, {}); },
              ThrowsLpmc(ErrorKind::io, "/dev/full"));
}

TEST_F(Export, NamesWhatIsWrong) {
  EXPECT_EQ(parse_export_format("hf"), ExportFormat::hf);
  EXPECT_THAT([] { parse_export_format("xml"); },
              ThrowsLpmc(ErrorKind::invalid_argument, "jsonl, csv, parquet, tree, hf"));
  std::ofstream(folder_ / "file") << "x";
  EXPECT_THAT([&] { export_captions(source_of({}), ExportFormat::tree, folder_ / "file", {}, {}); },
              ThrowsLpmc(ErrorKind::io, "expected to make a folder"));
  EXPECT_THAT([&] { export_captions(source_of({}), ExportFormat::jsonl, folder_.path(), {}, {}); },
              ThrowsLpmc(ErrorKind::invalid_argument, "found a folder"));
}

TEST_F(Export, NothingDone) {
  for (const ExportFormat format : {ExportFormat::jsonl, ExportFormat::manifest}) {
    run({}, format);
    EXPECT_THAT(read_file(out_), IsEmpty());
  }
  run({}, ExportFormat::csv);
  EXPECT_THAT(read_file(out_), AllOf(HasSubstr("id,split,prompt,caption"), Not(HasSubstr("train"))));
}

}  // namespace
}  // namespace lpmc
