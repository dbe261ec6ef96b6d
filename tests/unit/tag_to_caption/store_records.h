#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lpmc/tag_to_caption/job_store.h"

#include "tests/support/fixtures.h"

namespace lpmc::test {

/// A folder of the running test's own with a place for a database.
class StoreFolder : public TemporaryFolder {
 public:
  std::filesystem::path file(const std::string& name) const { return path() / name; }
  std::filesystem::path database() const { return path() / "captions.sqlite"; }
};

/// Records "track-0", "track-1", ... with two to four tags each, all queries different.
inline std::vector<TagRecord> make_records(int count) {
  static const char* const kGenres[] = {"jazz", "techno", "folk", "metal", "reggae"};
  static const char* const kInstruments[] = {"piano", "guitar", "violin", "drums", "flute", "organ", "harp"};
  std::vector<TagRecord> records;
  for (int i = 0; i < count; ++i) {
    TagRecord record;
    record.id = "track-" + std::to_string(i);
    record.split = i % 3 == 0 ? "test" : "train";
    record.tags = {kGenres[i % 5], kInstruments[i % 7]};
    record.tags.push_back("tempo " + std::to_string(i));
    if (i % 2 == 0) record.tags.emplace_back("slow");
    records.push_back(std::move(record));
  }
  return records;
}

inline JobResult result_of(const std::string& caption) {
  JobResult result;
  result.caption = caption;
  return result;
}

inline std::vector<StoredCaption> all(const JobStore& store) {
  std::vector<StoredCaption> items;
  store.for_each([&](const StoredCaption& item) { items.push_back(item); });
  return items;
}

}  // namespace lpmc::test
