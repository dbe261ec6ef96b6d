#include "lpmc/dataset/audio_folder.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/dataset/clean_tags.h"
#include "lpmc/dataset/field_records.h"
#include "lpmc/dataset/record_fields.h"
#include "lpmc/dataset/split_table.h"
#include "lpmc/dataset/text_source.h"

namespace lpmc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// No caption is longer; what is was not meant as one.
constexpr std::size_t kMaxTextBytes = 65536;

std::string without_extension(const fs::path& file) {
  return (file.parent_path() / file.stem()).generic_string();
}

/// A text file as one line.
std::string read_caption(const fs::path& path) {
  TextSource source(path);
  std::string caption;
  bool after_blank = false;
  for (int byte = source.get(); byte != TextSource::kEnd; byte = source.get()) {
    const bool is_blank = byte == ' ' || (byte >= '\t' && byte <= '\r');
    if (!is_blank && after_blank && !caption.empty()) caption += ' ';
    if (!is_blank) caption += static_cast<char>(byte);
    after_blank = is_blank;
    LPMC_REQUIRE(caption.size() <= kMaxTextBytes, corrupt, "{}: expected a caption of at most {} bytes",
                 display_path(path), kMaxTextBytes);
  }
  return replace_invalid_utf8(caption);
}

std::string split_of(const fs::path& relative) {
  if (!relative.has_parent_path()) return {};
  const std::string split = canonical_split(relative.begin()->string());
  return split == "train" || split == "valid" || split == "test" ? split : std::string();
}

bool is_metadata(const fs::path& file) {
  return file.filename() == "metadata.jsonl" || file.filename() == "metadata.csv";
}

class FolderReader {
 public:
  FolderReader(const fs::path& folder, const std::function<bool(const fs::path&)>& is_audio)
      : folder_(folder) {
    for_each_file(folder, [&](const fs::path& file) {
      if (is_metadata(file)) {
        metadata_.push_back(file);
      } else if (file.extension() == ".txt") {
        texts_.push_back(file);
      } else if (is_audio(file)) {
        add_song(file);
      }
    });
  }

  AudioFolder read() {
    name_songs();
    for (const fs::path& file : texts_)
      take_text(file);
    for (const fs::path& file : metadata_)
      take_metadata(file);
    require_own_ids();
    return std::move(result_);
  }

 private:
  void add_song(const fs::path& file) {
    by_path_.emplace(file.generic_string(), result_.records.size());
    by_stem_[without_extension(file)].push_back(result_.records.size());
    ManifestRecord record;
    record.audio = file.generic_string();
    record.split = split_of(file);
    result_.records.push_back(std::move(record));
  }

  void name_songs() {
    for (const auto& [stem, songs] : by_stem_) {
      for (const std::size_t song : songs)
        result_.records[song].id = songs.size() == 1 ? stem : result_.records[song].audio;
    }
  }

  void take_text(const fs::path& file) {
    const auto found = by_stem_.find(without_extension(file));
    if (found == by_stem_.end()) {
      ++result_.lost_texts;
      return;
    }
    const std::string caption = read_caption(folder_ / file);
    for (const std::size_t song : found->second)
      result_.records[song].caption = caption;
    if (!caption.empty()) ++result_.texts;
  }

  void take_metadata(const fs::path& file) {
    TextSource source(folder_ / file);
    read_field_records(source, {"file_name"},
                       [&](std::string_view, const json& fields, const std::string& where) {
                         take_row(file, fields, source.name() + ": " + where);
                       });
  }

  void take_row(const fs::path& file, const json& fields, const std::string& where) {
    const auto name = fields.find("file_name");
    LPMC_REQUIRE(name != fields.end() && name->is_string(), corrupt,
                 "{}: expected a \"file_name\", found none", where);
    const fs::path song = (file.parent_path() / name->get<std::string>()).lexically_normal();
    const auto found = by_path_.find(song.generic_string());
    if (found == by_path_.end()) {
      ++result_.lost_rows;
      return;
    }
    ++result_.rows;
    ManifestRecord row = record_from_fields(fields, "", DatasetLayout::automatic, where).record;
    ManifestRecord& record = result_.records[found->second];
    if (row.id != without_extension(name->get<std::string>())) record.id = row.id;
    if (!row.split.empty()) record.split = row.split;
    if (!row.caption.empty()) record.caption = row.caption;
    std::size_t too_long = 0;
    record.tags = clean_tags(std::move(row.tags), too_long);
    record.captions = std::move(row.captions);
    record.artist = std::move(row.artist);
  }

  void require_own_ids() const {
    std::unordered_set<std::string_view> ids;
    for (const ManifestRecord& record : result_.records) {
      LPMC_REQUIRE(ids.insert(record.id).second, corrupt,
                   "{}: expected an id of its own for '{}', found '{}'", display_path(folder_),
                   display_path(record.audio), display_path(record.id));
    }
  }

  fs::path folder_;
  std::vector<fs::path> metadata_, texts_;
  std::unordered_map<std::string, std::size_t> by_path_;
  std::map<std::string, std::vector<std::size_t>> by_stem_;
  AudioFolder result_;
};

}  // namespace

void for_each_file(const fs::path& folder, const std::function<void(const fs::path& relative)>& take) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  LPMC_REQUIRE(fs::exists(status), not_found, "{}: no such folder", display_path(folder));
  LPMC_REQUIRE(fs::is_directory(status), invalid_argument, "{}: expected a folder, found a file",
               display_path(folder));
  std::vector<std::string> files;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const bool is_hidden = entry->path().filename().native().starts_with('.');
    std::error_code ignored;
    if (is_hidden) {
      if (entry->is_directory(ignored)) entry.disable_recursion_pending();
    } else if (entry->is_regular_file(ignored)) {
      files.push_back(entry->path().lexically_relative(folder).native());
    }
  }
  if (error) fail_errno(display_path(folder), error.value());
  std::sort(files.begin(), files.end());
  for (const std::string& file : files)
    take(file);
}

AudioFolder read_audio_folder(const fs::path& folder, const std::function<bool(const fs::path&)>& is_audio) {
  return FolderReader(folder, is_audio).read();
}

}  // namespace lpmc
