#include "lpmc/dataset/record_fields.h"

#include <array>
#include <filesystem>
#include <initializer_list>
#include <utility>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/dataset/python_list.h"
#include "lpmc/dataset/split_table.h"

namespace lpmc {
namespace {

using nlohmann::json;

/// A value for messages; no deeper than its outside, which hostile input may nest without end.
std::string excerpt(const json& value) {
  if (!value.is_string()) return value.is_structured() || value.is_null() ? value.type_name() : value.dump();
  const std::string& text = value.get_ref<const std::string&>();
  return "'" + display_path(text.size() > 80 ? text.substr(0, 80) + "..." : text) + "'";
}

const json* field_of(const json& fields, std::string_view name) {
  const auto found = fields.find(name);
  return found == fields.end() || found->is_null() ? nullptr : &*found;
}

/// A scalar as text; "" where the field is not there.
std::string text_of(const json& fields, std::string_view name) {
  const json* value = field_of(fields, name);
  if (value == nullptr) return {};
  if (value->is_string()) return value->get<std::string>();
  return value->is_number_integer() ? value->dump() : std::string();
}

std::string first_text(const json& fields, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (std::string text = text_of(fields, name); !text.empty()) return text;
  }
  return {};
}

/// MusicCaps' clips have the video's id and the seconds; the original writes "[ytid]-[start-end]".
std::string id_of(const json& fields) {
  std::string id = first_text(fields, {"id", "track_id", "fname", "_id"});
  if (!id.empty()) return id;
  if (fields.contains("file_name") && !fields.contains("ytid")) {
    const std::filesystem::path file = text_of(fields, "file_name");
    return (file.parent_path() / file.stem()).string();
  }
  const std::string video = text_of(fields, "ytid");
  const std::string start = text_of(fields, "start_s");
  const std::string end = text_of(fields, "end_s");
  if (video.empty() || start.empty() || end.empty()) return video;
  return "[" + video + "]-[" + start + "-" + end + "]";
}

std::string split_of(const json& fields) {
  if (const std::string split = text_of(fields, "split"); !split.empty()) return canonical_split(split);
  const json* eval = field_of(fields, "is_audioset_eval");
  if (eval == nullptr) return {};
  const bool is_test = eval->is_boolean() ? eval->get<bool>()
                                          : *eval == "True" || *eval == "true" || *eval == "TRUE" ||
                                                *eval == "1" || *eval == 1;
  return is_test ? "test" : "train";
}

std::string audio_of(const json& fields) {
  const json* audio = field_of(fields, "audio");
  if (audio != nullptr && audio->is_object()) return text_of(*audio, "path");  // as Hugging Face writes it
  return first_text(fields, {"audio", "audio_path", "path", "file_name"});
}

std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

std::vector<std::string> tags_of(const json& value, const std::string& where, std::string_view name) {
  const auto wrong = [&] {
    fail(ErrorKind::corrupt, "{}: {}: expected a list of strings, found {}", where, name, excerpt(value));
  };
  std::vector<std::string> tags;
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    const std::size_t start = text.find_first_not_of(" \t\r\n");
    if (start == std::string::npos || text[start] != '[') return split_at_commas(text);
    auto list = parse_python_list(text);
    if (!list) wrong();
    return *std::move(list);
  }
  if (!value.is_array()) wrong();
  for (const json& tag : value) {
    if (tag.is_null()) continue;
    if (!tag.is_string() && !tag.is_number()) wrong();
    tags.push_back(tag.is_string() ? tag.get<std::string>() : tag.dump());
  }
  return tags;
}

void add_captions(const json& fields, TagRecord& record) {
  constexpr std::string_view kPrefix = "caption_";
  for (const auto& [name, value] : fields.items()) {
    if (!name.starts_with(kPrefix) || name == "caption_ground_truth" || !value.is_string()) continue;
    const std::string& text = value.get_ref<const std::string&>();
    if (!text.empty()) record.captions[name.substr(kPrefix.size())] = text;
  }
  const json* captions = field_of(fields, "captions");
  if (captions == nullptr || !captions->is_object()) return;
  for (const auto& [task, text] : captions->items()) {
    if (text.is_string()) record.captions[task] = text.get<std::string>();
  }
}

}  // namespace

const std::vector<std::string>& tag_field_names(DatasetLayout layout) {
  static const std::array<std::vector<std::string>, 5> kNames = {{
      {"aspect_list", "extra_tag", "tag", "tags", "tag_top188", "tag_top50"},
      {"aspect_list"},
      {"extra_tag", "tag_top188", "tag_top50"},
      {"tag"},
      {"tags"},
  }};
  return kNames[static_cast<std::size_t>(layout)];
}

const std::vector<std::string>& id_field_names() {
  static const std::vector<std::string> kNames = {"id", "track_id", "fname", "_id", "ytid", "file_name"};
  return kNames;
}

FieldRecord record_from_fields(const json& fields, std::string_view id, DatasetLayout layout,
                               const std::string& where) {
  FieldRecord result;
  TagRecord& record = result.record;
  record.id = id.empty() ? id_of(fields) : std::string(id);
  LPMC_REQUIRE(!record.id.empty(), corrupt,
               "{}: expected an id (\"id\", \"track_id\", \"fname\" or \"ytid\"), found none", where);
  record.split = split_of(fields);
  record.audio = audio_of(fields);
  record.caption = first_text(fields, {"caption", "caption_ground_truth", "text"});
  record.artist = first_text(fields, {"artist", "artist_name"});
  add_captions(fields, record);
  for (const std::string& name : tag_field_names(layout)) {
    const auto found = fields.find(name);
    if (found == fields.end()) continue;
    result.has_tags = true;
    if (!found->is_null()) record.tags = tags_of(*found, where, name);
    break;
  }
  return result;
}

}  // namespace lpmc
