#include "lpmc/dataset/caption_columns.h"

#include <string_view>

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/dataset/audio_folder.h"
#include "lpmc/dataset/field_records.h"
#include "lpmc/dataset/record_fields.h"
#include "lpmc/dataset/text_source.h"

namespace lpmc {
namespace {

using nlohmann::json;

void read_file(const std::filesystem::path& path, CaptionColumns& columns) {
  TextSource source(path);
  read_field_records(
      source, id_field_names(), [&](std::string_view id, const json& fields, const std::string& where) {
        const TagRecord record =
            record_from_fields(fields, id, DatasetLayout::automatic, source.name() + ": " + where).record;
        auto& own = columns[record.id];
        const auto prompt = fields.find("prompt");
        if (prompt != fields.end() && prompt->is_string() && !record.caption.empty()) {
          own[prompt->get<std::string>()] = record.caption;
        }
        for (const auto& [column, text] : record.captions) {
          if (!text.empty()) own[column] = text;
        }
      });
}

}  // namespace

CaptionColumns read_caption_columns(const std::filesystem::path& path) {
  CaptionColumns columns;
  if (!std::filesystem::is_directory(path)) {
    read_file(path, columns);
    return columns;
  }
  std::size_t files = 0;
  for_each_file(path, [&](const std::filesystem::path& file) {
    if (file.filename() != "metadata.jsonl") return;
    ++files;
    read_file(path / file, columns);
  });
  LPMC_REQUIRE(
      files > 0, invalid_argument,
      "{}: expected a Hugging Face data set (.../metadata.jsonl), found none; a tree of .txt files is "
      "read by `lpmc tag-to-caption import`",
      display_path(path));
  return columns;
}

}  // namespace lpmc
