// Validation against captions and aspect lists that people wrote: 5,521 of them, where the file is there. The
// bounds are rounded from what was counted; a rule that turns over-eager or blind breaks them.

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/dataset/tag_record.h"
#include "lpmc/tag_to_caption/validation.h"

#include "tests/support/fixtures.h"

namespace lpmc {
namespace {

std::vector<TagRecord> read_musiccaps() {
  std::vector<TagRecord> records;
  const auto path = test::shared_path("data/musiccaps-public.csv");
  if (path) {
    read_tag_records({.input = *path, .layout = DatasetLayout::musiccaps, .split_file = {}, .splits = {}},
                     [&](TagRecord&& record) { records.push_back(std::move(record)); });
  }
  return records;
}

struct Totals {
  double mean_coverage = 0;
  std::map<Flaw, std::size_t> flaws;
};

/// @param shift whose tags a caption is judged by: 0 its own, 1 those of the next record
Totals judge(const std::vector<TagRecord>& records, std::size_t shift) {
  const MusicVocabulary vocabulary;
  const ValidationOptions options{.max_words = 400};
  Totals totals;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const ValidationReport report = validate_caption(
        {records[i].caption, "", "stop", "summary", records[(i + shift) % records.size()].tags}, options,
        vocabulary, {});
    totals.mean_coverage += report.coverage / static_cast<double>(records.size());
    for (const Flaw flaw : report.flaws)
      ++totals.flaws[flaw];
  }
  return totals;
}

TEST(ValidationMusicCaps, PeoplesCaptionsExpressTheirTagsAndHaveFewFlaws) {
  const std::vector<TagRecord> records = read_musiccaps();
  if (records.empty()) GTEST_SKIP() << "MusicCaps' annotation is not there";
  Totals totals = judge(records, 0);
  EXPECT_GT(totals.mean_coverage, 0.72);
  EXPECT_EQ(totals.flaws[Flaw::refusal], 0U);
  EXPECT_EQ(totals.flaws[Flaw::boilerplate], 0U);
  EXPECT_EQ(totals.flaws[Flaw::wrong_language], 0U);
  EXPECT_LT(totals.flaws[Flaw::contradiction] * 100, records.size());
  EXPECT_LT(totals.flaws[Flaw::names] * 200, records.size());
  EXPECT_LT(totals.flaws[Flaw::cut_off] * 200, records.size());
}

TEST(ValidationMusicCaps, AnotherRecordsTagsAreNotExpressed) {
  const std::vector<TagRecord> records = read_musiccaps();
  if (records.empty()) GTEST_SKIP() << "MusicCaps' annotation is not there";
  Totals totals = judge(records, 1);
  EXPECT_LT(totals.mean_coverage, 0.13);
  EXPECT_GT(totals.flaws[Flaw::contradiction] * 5, records.size());
}

}  // namespace
}  // namespace lpmc
