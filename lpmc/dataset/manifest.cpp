#include "lpmc/dataset/manifest.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <nlohmann/json.hpp>

#include "lpmc/base/atomic_file.h"
#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/dataset/clean_tags.h"
#include "lpmc/dataset/json_records.h"
#include "lpmc/dataset/record_fields.h"

namespace lpmc {
namespace {

using nlohmann::json;

void require_text(const json& fields, std::string_view key, const std::string& where) {
  const auto found = fields.find(key);
  LPMC_REQUIRE(found == fields.end() || found->is_null() || found->is_string(), corrupt,
               "{}: {}: expected a string, found {}", where, key, found->type_name());
}

void require_captions(const json& fields, const std::string& where) {
  const auto found = fields.find("captions");
  if (found == fields.end() || found->is_null()) return;
  LPMC_REQUIRE(found->is_object(), corrupt, "{}: captions: expected an object of strings, found {}", where,
               found->type_name());
  for (const auto& [column, text] : found->items()) {
    LPMC_REQUIRE(text.is_string() || text.is_null(), corrupt, "{}: captions.{}: expected a string, found {}",
                 where, display_path(column), text.type_name());
  }
}

std::string trimmed(const std::string& text) {
  constexpr const char* kBlanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

ManifestRecord record_of(const json& fields, const std::string& where) {
  for (const std::string_view key : {"split", "caption"})
    require_text(fields, key, where);
  if (const auto audio = fields.find("audio"); audio != fields.end() && !audio->is_object())
    require_text(fields, "audio", where);
  require_captions(fields, where);
  ManifestRecord record = record_from_fields(fields, "", DatasetLayout::manifest, where).record;
  std::size_t too_long = 0;
  record.tags = clean_tags(std::move(record.tags), too_long);
  record.caption = trimmed(record.caption);
  for (auto& [column, text] : record.captions)
    text = trimmed(text);
  std::erase_if(record.captions, [](const auto& entry) { return entry.second.empty(); });
  return record;
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// "name-30-59" to "name".
std::optional<std::string_view> without_seconds(std::string_view name) {
  for (int part = 0; part < 2; ++part) {
    const std::size_t dash = name.rfind('-');
    if (dash == std::string_view::npos || dash == 0 || !all_digits(name.substr(dash + 1)))
      return std::nullopt;
    name = name.substr(0, dash);
  }
  return name;
}

}  // namespace

void read_manifest_lines(TextSource& text,
                         const std::function<void(ManifestRecord&&, std::size_t line)>& take) {
  read_json_lines(text, [&](std::string_view, const json& fields, const std::string& where) {
    take(record_of(fields, text.name() + ": " + where), std::stoul(where.substr(where.rfind(' ') + 1)));
  });
}

void read_manifest(const std::filesystem::path& path, const std::function<void(ManifestRecord&&)>& take) {
  TextSource text(path);
  std::unordered_map<std::string, std::size_t> lines;
  read_manifest_lines(text, [&](ManifestRecord&& record, std::size_t line) {
    const auto [first, is_new] = lines.emplace(record.id, line);
    LPMC_REQUIRE(is_new, corrupt, "{}: line {}: expected an id of its own, found '{}' of line {}",
                 text.name(), line, display_path(record.id), first->second);
    take(std::move(record));
  });
}

std::vector<ManifestRecord> read_manifest(const std::filesystem::path& path) {
  std::vector<ManifestRecord> records;
  read_manifest(path, [&](ManifestRecord&& record) { records.push_back(std::move(record)); });
  return records;
}

std::string manifest_line(const ManifestRecord& record) {
  nlohmann::ordered_json fields;
  const auto add = [&](const char* key, const auto& value) {
    if (!value.empty()) fields[key] = value;
  };
  fields["id"] = record.id;
  add("audio", record.audio);
  add("split", record.split);
  add("artist", record.artist);
  add("tags", record.tags);
  add("caption", record.caption);
  add("captions", record.captions);
  return fields.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void write_manifest(const std::filesystem::path& path, const std::vector<ManifestRecord>& records) {
  constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
  AtomicFile file(path);
  std::string piece;
  for (const ManifestRecord& record : records) {
    piece += manifest_line(record) + '\n';
    if (piece.size() < kPieceBytes) continue;
    file.write(piece);
    piece.clear();
  }
  file.write(piece);
  file.commit();
}

std::filesystem::path audio_path(const ManifestRecord& record, const std::filesystem::path& folder) {
  return record.audio.empty() ? std::filesystem::path() : folder / record.audio;
}

std::string track_of(const ManifestRecord& record) {
  const std::string& id = record.id;
  const std::size_t end = id.find("]-[");
  if (id.starts_with('[') && id.ends_with(']') && end != std::string::npos && end > 1)
    return id.substr(1, end - 1);
  const std::string stem = std::filesystem::path(record.audio).stem().string();
  if (const auto name = without_seconds(stem)) {
    return (std::filesystem::path(record.audio).parent_path() / *name).string();
  }
  return id;
}

}  // namespace lpmc
