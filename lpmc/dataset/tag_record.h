#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lpmc {

/// One track (or clip) of a data set, as tag-to-caption and training need it.
struct TagRecord {
  std::string id;
  std::string split;                            ///< "train", "valid", "test"; "" where the source has none
  std::vector<std::string> tags;                ///< in the source's order, as written there
  std::string audio;                            ///< path or file name where the source has one
  std::string caption;                          ///< written by a human; "" where there is none
  std::map<std::string, std::string> captions;  ///< pseudo captions by task: "writing", "summary", ...
  std::string artist = {};                      ///< "" where the source has none
};

/// Layouts of annotation files: which field holds the tags. Whether the file is JSON by id, a JSON array,
/// JSONL or CSV is told by its content.
enum class DatasetLayout {
  automatic,  ///< by content
  musiccaps,  ///< JSON object by id with "aspect_list", or MusicCaps' own CSV
  mtat,       ///< JSON object by id with "extra_tag"
  msd,        ///< JSON object by id with "tag" (ECALS); train = train_track + extra_track
  manifest,   ///< JSONL, one TagRecord a line (INTERFACE, section 5)
};

/// "auto", "musiccaps", "mtat", "msd" (also "ecals"), "manifest"; "lp-musiccaps" (by content) and
/// "lp-musiccaps-mc", "-mtt", "-msd", which have their sources' tags.
/// @throws Error(invalid_argument) listing the names
DatasetLayout parse_dataset_layout(std::string_view name);

struct RecordSource {
  std::filesystem::path input;
  DatasetLayout layout = DatasetLayout::automatic;
  /// {"train_track": [ids], "valid_track", "test_track", "extra_track"}; extra_track belongs to "train".
  /// Without it, a record's own "split" or "is_audioset_eval" (true = test) counts.
  std::optional<std::filesystem::path> split_file;
  /// Keep only these; empty = all. "validation", "VALID" and the like are "valid".
  std::vector<std::string> splits;
  bool needs_tags = true;  ///< leave out records without tags; false: take them, too
};

/// What was read, and what was left out and why.
struct RecordCounts {
  std::uint64_t kept = 0;
  std::uint64_t without_tags = 0;   ///< skipped
  std::uint64_t other_splits = 0;   ///< skipped because of RecordSource.splits
  std::uint64_t without_split = 0;  ///< in no list of the split file: skipped
  std::uint64_t duplicate_ids = 0;  ///< skipped, the first one is kept
  std::uint64_t missing_ids = 0;    ///< in the split file (of the wanted splits), not in the input
  std::uint64_t long_tags =
      0;  ///< tags of over 1,000 bytes, left out of records that are kept or without tags
};

/// Calls `take` for every record in the file's order, one at a time: memory does not grow with the
/// input but for the ids. MusicCaps' CSV has no ids of its own: they become "[ytid]-[start-end]", as the
/// original's. Tags are trimmed, control characters in them become spaces, empty ones go.
/// @throws Error(not_found, corrupt, invalid_argument) naming file, line or key, expected, found
RecordCounts read_tag_records(const RecordSource& source, const std::function<void(TagRecord&&)>& take);

class TextSource;

/// The same from an open source; `source.input` is not used.
RecordCounts read_tag_records(TextSource& text, const RecordSource& source,
                              const std::function<void(TagRecord&&)>& take);

}  // namespace lpmc
