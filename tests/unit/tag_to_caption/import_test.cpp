#include "lpmc/tag_to_caption/import.h"

#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lpmc/tag_to_caption/export.h"

#include "tests/support/fixtures.h"
#include "tests/support/matchers.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using test::ThrowsLpmc;
using ::testing::ElementsAre;

class Import : public ::testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) const {
    const fs::path path = folder_.path() / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  static std::vector<TagRecord> records(const std::vector<std::string>& ids) {
    std::vector<TagRecord> found;
    for (const std::string& id : ids) {
      found.emplace_back();
      found.back().id = id;
      found.back().split = "train";
      found.back().tags = {"sad"};
    }
    return found;
  }
  static StoredCaptions captions_of(const JobStore& store) {
    return [&](const auto& visit) { store.for_each(visit); };
  }

  test::TemporaryFolder folder_;
};

TEST_F(Import, FindsTheTree) {
  write("samples/musiccaps/writing/TRAIN/[a]-[0-10].txt", "\xEF\xBB\xBF A song.\n");
  write("samples/musiccaps/writing/TEST/b.txt", "");
  write("samples/musiccaps/writing/VALID/b.txt", "From another split");
  write("samples/musiccaps/summary/TRAIN/100%.txt", "caf\xE9");
  write("samples/musiccaps/summary/TRAIN/notes.md", "no caption");
  for (const char* root : {"samples", "samples/musiccaps"}) {
    const CaptionTree tree(folder_.path() / root, "");
    EXPECT_THAT(tree.prompts(), ElementsAre("summary", "writing"));
    EXPECT_EQ(tree.find("writing", "[a]-[0-10]"), "A song.");
    EXPECT_EQ(tree.find("writing", "b"), "From another split");
    EXPECT_EQ(tree.find("summary", "100%"), "caf\uFFFD");
    EXPECT_EQ(tree.find("summary", "b"), std::nullopt);
    EXPECT_EQ(tree.find("paraphrase", "b"), std::nullopt);
    EXPECT_EQ(tree.find("writing", "../TRAIN/[a]-[0-10]"), std::nullopt);
    EXPECT_EQ(tree.find("writing", std::string(5000, 'x')), std::nullopt);
    EXPECT_EQ(tree.count_files("writing"), 3U);
    EXPECT_EQ(tree.count_files("summary"), 1U);
  }
  write("samples/msd/writing/TRAIN/c.txt", "c");
  EXPECT_EQ(CaptionTree(folder_ / "samples", "msd").find("writing", "c"), "c");
  EXPECT_THAT([&] { CaptionTree(folder_ / "samples", ""); },
              ThrowsLpmc(ErrorKind::invalid_argument, "found msd and musiccaps"));
}

TEST_F(Import, NamesWhatIsWrong) {
  EXPECT_THAT([&] { CaptionTree(folder_ / "none", ""); }, ThrowsLpmc(ErrorKind::not_found, "none"));
  EXPECT_THAT([&] { CaptionTree(folder_.path(), ""); },
              ThrowsLpmc(ErrorKind::not_found, "expected captions as"));
  write("file", "x");
  EXPECT_THAT([&] { CaptionTree(folder_ / "file", ""); },
              ThrowsLpmc(ErrorKind::invalid_argument, "found a file"));
  write("d/writing/train/big.txt", std::string(CaptionTree::kMaxFileBytes + 1, 'x'));
  EXPECT_THAT([&] { CaptionTree(folder_.path(), "d").find("writing", "big"); },
              ThrowsLpmc(ErrorKind::corrupt, "at most 1 MiB"));
}

TEST_F(Import, AHalfFinishedRunGoesOn) {
  write("samples/d/writing/TRAIN/a.txt", "A song.");
  write("samples/d/writing/TRAIN/b.txt", "");
  write("samples/d/writing/TRAIN/stranger.txt", "Of no record.");
  write("samples/d/attribute_prediction/TRAIN/a.txt",
        "{'new_attribute': ['piano', \"it's\"], 'description': 'A sad song with a piano.'}");
  write("samples/d/attribute_prediction/TRAIN/b.txt", "I'm sorry, I cannot do that.");
  JobStore store(folder_ / "jobs.sqlite");
  const std::vector<Prompt> prompts = {find_prompts("writing")[0], find_prompts("attribute_prediction")[0]};
  store.add(records({"a", "b", "c"}), prompts);
  ImportOptions options;
  options.tool_version = "0.1.0";
  options.validate = [](const Answer& answer, const Job& job) {
    return "{\"coverage\":" + std::to_string(answer.caption.size() % 2) + ",\"id\":\"" + job.record_id +
           "\"}";
  };
  const CaptionTree tree(folder_ / "samples", "");
  ImportCounts counts = import_captions(store, tree, prompts, options);
  EXPECT_EQ(counts.imported, 2U);
  EXPECT_EQ(counts.unreadable, 1U);
  EXPECT_EQ(counts.without_file, 3U);
  EXPECT_EQ(counts.unmatched, 2U);  // the stranger and the empty one
  EXPECT_EQ(store.counts().done, 2);
  EXPECT_EQ(store.counts().waiting, 4);
  EXPECT_EQ(store.counts().taken, 0);
  std::map<std::string, StoredCaption> by_job;
  store.for_each([&](const StoredCaption& item) { by_job[item.record.id + " " + item.prompt_id] = item; });
  const StoredCaption& predicted = by_job.at("a attribute_prediction");
  EXPECT_EQ(predicted.result.caption, "A sad song with a piano.");
  EXPECT_THAT(predicted.result.new_attributes, ElementsAre("piano", "it's"));
  EXPECT_EQ(predicted.result.validation, R"({"coverage":0,"id":"a"})");
  EXPECT_EQ(predicted.last_attempt.model, "gpt-3.5-turbo");
  EXPECT_EQ(predicted.last_attempt.finish_reason, "imported");
  EXPECT_EQ(by_job.at("a writing").result.caption, "A song.");
  EXPECT_EQ(by_job.at("b writing").state, JobState::waiting);

  counts = import_captions(store, tree, prompts, options);  // again: nothing happens twice
  EXPECT_EQ(counts.imported, 0U);
  EXPECT_EQ(store.counts().attempts, 2);
}

TEST_F(Import, OurTreeComesBackWhole) {
  const std::vector<std::string> ids = {"[x]-[0-10]", "a/b",   std::string(300, 'l'),
                                        "..",         "a%2Fb", "a~0123456789abcdef"};
  const std::vector<Prompt> prompts = {find_prompts("attribute_prediction")[0]};
  JobStore store(folder_ / "one.sqlite");
  store.add(records(ids), prompts);
  for (const Job& job : store.take(100, 60)) {
    store.finish(job.id, {"Song \"" + job.record_id + "\".", {"it's", "b"}, ""});
  }
  store.flush();
  ExportOptions options;
  options.dataset = "d";
  export_captions(captions_of(store), ExportFormat::tree, folder_ / "tree", options, {});

  JobStore other(folder_ / "two.sqlite");
  other.add(records(ids), prompts);
  EXPECT_EQ(import_captions(other, CaptionTree(folder_ / "tree", "d"), prompts, {}).imported, ids.size());
  std::vector<std::string> captions;
  other.for_each([&](const StoredCaption& item) {
    captions.push_back(item.result.caption);
    EXPECT_THAT(item.result.new_attributes, ElementsAre("it's", "b"));
  });
  for (std::size_t i = 0; i < ids.size(); ++i)
    EXPECT_EQ(captions.at(i), "Song \"" + ids[i] + "\".");
}

}  // namespace
}  // namespace lpmc
