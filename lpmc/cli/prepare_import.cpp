#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "lpmc/base/error.h"
#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"
#include "lpmc/cli/commands.h"
#include "lpmc/cli/interrupts.h"
#include "lpmc/cli/prepare_flags.h"
#include "lpmc/dataset/audio_finder.h"
#include "lpmc/dataset/audio_folder.h"
#include "lpmc/dataset/caption_columns.h"
#include "lpmc/dataset/manifest.h"

namespace lpmc::cli {
namespace {

namespace fs = std::filesystem;

void warn_if(std::uint64_t count, const std::string& file, std::string_view what) {
  if (count > 0) log(LogLevel::warning, "{}: {} {}", display_path(file), count, what);
}

std::vector<ManifestRecord> read_records(const PrepareFlags& flags) {
  RecordSource source;
  source.input = flags.input;
  source.layout = parse_dataset_layout(flags.dataset);
  source.needs_tags = false;
  if (!flags.split_file.empty()) source.split_file = flags.split_file;
  std::vector<ManifestRecord> records;
  const RecordCounts counts =
      read_tag_records(source, [&](TagRecord&& record) { records.push_back(std::move(record)); });
  warn_if(counts.duplicate_ids, flags.input, "records left out: their id stands before");
  warn_if(counts.without_split, flags.input, "records left out: they are in no list of the split file");
  warn_if(counts.missing_ids, flags.input, "ids of the split file are not there");
  warn_if(counts.long_tags, flags.input, "tags left out: they are too long");
  LPMC_REQUIRE(!records.empty(), corrupt, "{}: expected records, found none", display_path(flags.input));
  return records;
}

void add_captions(std::vector<ManifestRecord>& records, const std::string& file) {
  CaptionColumns columns = read_caption_columns(file);
  std::size_t without = 0;
  for (ManifestRecord& record : records) {
    const auto found = columns.find(record.id);
    if (found == columns.end() || found->second.empty()) {
      ++without;
      continue;
    }
    for (auto& [column, text] : found->second)
      record.captions[column] = std::move(text);
    columns.erase(found);
  }
  warn_if(without, file, "records of the input have no caption here");
  warn_if(columns.size(), file, "ids with captions are not in the input");
}

/// Points every record to its audio. @return how many have none
std::size_t find_audio(std::vector<ManifestRecord>& records, const PrepareFlags& flags) {
  if (flags.audio_root.empty()) return 0;
  const AudioFinder finder(flags.audio_root, flags.audio_pattern, is_training_audio);
  const fs::path folder = fs::path(flags.manifest).parent_path();
  std::size_t missing = 0;
  for (ManifestRecord& record : records) {
    const fs::path file = finder.find(record);
    if (file.empty()) ++missing;
    record.audio = file.empty() ? std::string() : manifest_audio(file, folder);
  }
  LPMC_REQUIRE(
      missing < records.size(), not_found,
      "{}: expected audio of the records, found none of {}; --audio-pattern says how files are named",
      display_path(flags.audio_root), records.size());
  return missing;
}

}  // namespace

int prepare_import(PrepareFlags& flags) {
  apply_common_options(flags.common);
  LPMC_REQUIRE(flags.audio_pattern.empty() || !flags.audio_root.empty(), invalid_argument,
               "--audio-pattern: expected --audio-root with it");
  LPMC_REQUIRE(!flags.require_audio || !flags.audio_root.empty(), invalid_argument,
               "--require-audio: expected --audio-root with it");
  std::vector<ManifestRecord> records = read_records(flags);
  if (!flags.captions.empty()) add_captions(records, flags.captions);
  const std::size_t missing = find_audio(records, flags);
  warn_if(missing, flags.audio_root,
          flags.require_audio ? "records left out: their audio is not there"
                              : "records have no audio here; --require-audio leaves them out");
  if (flags.require_audio)
    std::erase_if(records, [](const ManifestRecord& record) { return record.audio.empty(); });
  write_manifest(flags.manifest, records);
  fmt::print("{}: {} records, {} with audio\n", display_path(flags.manifest), records.size(),
             std::count_if(records.begin(), records.end(),
                           [](const ManifestRecord& record) { return !record.audio.empty(); }));
  return kAllDone;
}

int prepare_audio(PrepareFlags& flags) {
  const std::stop_token stop = watch_interrupts();  // before any thread is started
  apply_common_options(flags.common);
  AudioFolder folder = read_audio_folder(flags.folder, is_training_audio);
  LPMC_REQUIRE(!folder.records.empty(), not_found, "{}: expected audio files, found none",
               display_path(flags.folder));
  for (ManifestRecord& record : folder.records) {
    record.audio =
        manifest_audio(fs::path(flags.folder) / record.audio, fs::path(flags.manifest).parent_path());
  }
  write_manifest(flags.manifest, folder.records);
  warn_if(folder.lost_texts, flags.folder, ".txt files have no song of their name");
  warn_if(folder.lost_rows, flags.folder, "rows of metadata files name songs that are not there");
  fmt::print("{}: {} songs, {} with a .txt, {} with a row of metadata\n", display_path(flags.manifest),
             folder.records.size(), folder.texts, folder.rows);
  return flags.cache.empty() ? kAllDone : cache_manifest(flags, stop);
}

}  // namespace lpmc::cli
