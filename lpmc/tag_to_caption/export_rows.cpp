#include "lpmc/tag_to_caption/export_rows.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lpmc/base/utf8.h"

namespace lpmc::detail {
namespace {

using nlohmann::ordered_json;

std::string compact(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

/// JSON that was stored as text, as a value; null where there is none.
ordered_json parsed(const std::string& text) {
  if (text.empty()) return nullptr;
  ordered_json value = ordered_json::parse(text, nullptr, false);
  return value.is_discarded() ? ordered_json(nullptr) : value;
}

ordered_json text_or_null(const std::string& text) {
  return text.empty() ? ordered_json(nullptr) : ordered_json(text);
}

std::string_view state_name(JobState state) {
  switch (state) {
    case JobState::waiting:
      return "waiting";
    case JobState::taken:
      return "taken";
    case JobState::done:
      return "done";
    case JobState::failed:
      return "failed";
    case JobState::dropped:
      return "dropped";
  }
  return "";
}

std::string utc_time(std::int64_t unix_ms) {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds), unix_ms % 1000);
}

/// Everything known of a caption, in the order of the columns. CSV and JSONL are two ways to write it.
ordered_json caption_fields(const StoredCaption& item, const ExportOptions& options) {
  const Attempt& attempt = item.last_attempt;
  ordered_json fields;
  fields["id"] = item.record.id;
  fields["split"] = item.record.split;
  fields["prompt"] = item.prompt_id;
  fields["caption"] = item.result.caption;
  fields["new_attributes"] = item.result.new_attributes;
  fields["tags"] = item.record.tags;
  if (options.failed) {
    fields["state"] = state_name(item.state);
    fields["error"] = text_or_null(item.error);
  }
  fields["model"] = attempt.model;
  fields["prompt_hash"] = attempt.prompt_hash;
  fields["sampling"] = parsed(attempt.sampling);
  fields["seed"] = attempt.seed;
  fields["finish_reason"] = attempt.finish_reason;
  fields["prompt_tokens"] = attempt.usage.prompt_tokens;
  fields["completion_tokens"] = attempt.usage.completion_tokens;
  fields["tokens_estimated"] = !attempt.usage.reported;
  fields["cost_usd"] = attempt.cost_usd;
  fields["validation"] = parsed(item.result.validation);
  fields["tool_version"] = attempt.tool_version;
  if (options.times) {
    fields["time"] = utc_time(attempt.time_unix_ms);
    fields["latency_s"] = attempt.latency_s;
  }
  return fields;
}

std::string csv_field(const std::string& raw) {
  const std::string text = replace_invalid_utf8(raw);
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

/// What a line of a data set says of how a caption was made. Every line has the same fields, as Arrow wants.
ordered_json provenance_of(const StoredCaption& item) {
  const Attempt& attempt = item.last_attempt;
  const ordered_json report = parsed(item.result.validation);
  ordered_json flaws = ordered_json::array();
  ordered_json coverage = nullptr;
  if (report.is_object()) {
    coverage = report.value("coverage", ordered_json(nullptr));
    flaws = report.value("flaws", flaws);
  }
  return {{"prompt", item.prompt_id},
          {"model", attempt.model},
          {"prompt_hash", attempt.prompt_hash},
          {"sampling", attempt.sampling},
          {"seed", attempt.seed},
          {"coverage", std::move(coverage)},
          {"flaws", std::move(flaws)},
          {"tool_version", attempt.tool_version}};
}

}  // namespace

std::string export_json_row(const StoredCaption& item, const ExportOptions& options) {
  return compact(caption_fields(item, options)) + "\n";
}

std::string export_csv_header(const ExportOptions& options) {
  const ordered_json fields = caption_fields({}, options);
  std::string header;
  for (const auto& [name, value] : fields.items())
    header += (header.empty() ? "" : ",") + name;
  return header + "\n";
}

std::string export_csv_row(const StoredCaption& item, const ExportOptions& options) {
  const ordered_json fields = caption_fields(item, options);
  std::string row;
  bool first = true;
  for (const auto& [name, value] : fields.items()) {
    if (!std::exchange(first, false)) row += ',';
    if (!value.is_null()) row += csv_field(value.is_string() ? value.get<std::string>() : compact(value));
  }
  return row + "\n";
}

std::vector<ParquetColumn> export_parquet_columns(const ExportOptions& options) {
  using Type = ParquetColumn::Type;
  std::vector<ParquetColumn> columns;
  const ordered_json fields = caption_fields({}, options);
  for (const auto& [name, value] : fields.items()) {
    Type type = Type::text;  // also what is null here: text, or JSON as text
    if (value.is_array()) type = Type::texts;
    if (value.is_number_integer()) type = Type::integer;
    if (value.is_number_float()) type = Type::number;
    if (value.is_boolean()) type = Type::boolean;
    columns.push_back({name, type});
  }
  return columns;
}

nlohmann::json export_parquet_row(const StoredCaption& item, const ExportOptions& options) {
  ordered_json fields = caption_fields(item, options);
  for (const std::string_view name : {"sampling", "validation"}) {
    if (!fields[name].is_null()) fields[name] = compact(fields[name]);
  }
  return nlohmann::json(fields);
}

ExportCounts for_each_record(const StoredCaptions& source,
                             const std::function<void(const RecordCaptions&)>& take) {
  ExportCounts counts;
  RecordCaptions current;
  bool any = false;
  const auto hand_over = [&] {
    if (any) take(current);
  };
  source([&](const StoredCaption& item) {
    if (!any || item.record.id != current.record.id) {
      hand_over();
      current = {item.record, {}};
      any = true;
    }
    if (item.state != JobState::done) {
      ++counts.left_out;
      return;
    }
    ++counts.captions;
    current.captions.push_back(item);
    current.captions.back().record = {};
  });
  hand_over();
  return counts;
}

std::string export_manifest_row(const RecordCaptions& item) {
  std::map<std::string, std::string> captions = item.record.captions;
  for (const StoredCaption& made : item.captions)
    captions[made.prompt_id] = made.result.caption;
  ordered_json fields;
  fields["id"] = item.record.id;
  fields["audio"] = item.record.audio;
  fields["split"] = item.record.split;
  fields["tags"] = item.record.tags;
  fields["caption"] = item.record.caption;
  fields["captions"] = captions.empty() ? ordered_json::object() : ordered_json(captions);
  return compact(fields) + "\n";
}

std::string export_inference_entry(std::uint64_t number, const TagRecord& record, const StoredCaption& made) {
  const ordered_json entry = {
      {"predictions", made.result.caption}, {"true_captions", record.caption}, {"audio_id", record.id}};
  return fmt::format("\"{}\": {}", number, compact(entry));
}

std::string export_hf_row(const RecordCaptions& item, const std::vector<std::string>& tasks) {
  ordered_json fields;
  if (!item.record.audio.empty()) fields["file_name"] = item.record.audio;
  fields["id"] = item.record.id;
  fields["tags"] = item.record.tags;
  fields["caption_ground_truth"] = text_or_null(item.record.caption);
  ordered_json provenance = ordered_json::array();
  ordered_json attributes = ordered_json::array();
  for (const std::string& task : tasks)
    fields["caption_" + task] = nullptr;
  for (const StoredCaption& made : item.captions) {
    fields["caption_" + made.prompt_id] = made.result.caption;
    for (const std::string& attribute : made.result.new_attributes)
      attributes.push_back(attribute);
    provenance.push_back(provenance_of(made));
  }
  fields["pseudo_attribute"] = std::move(attributes);
  fields["provenance"] = std::move(provenance);
  return compact(fields) + "\n";
}

}  // namespace lpmc::detail
