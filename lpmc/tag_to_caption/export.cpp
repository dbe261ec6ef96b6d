#include "lpmc/tag_to_caption/export.h"

#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/dataset/parquet_table.h"
#include "lpmc/tag_to_caption/export_buffer.h"
#include "lpmc/tag_to_caption/export_folders.h"
#include "lpmc/tag_to_caption/export_rows.h"

namespace lpmc {
namespace {

constexpr std::array<std::pair<std::string_view, ExportFormat>, 7> kFormats = {{
    {"jsonl", ExportFormat::jsonl},
    {"csv", ExportFormat::csv},
    {"parquet", ExportFormat::parquet},
    {"tree", ExportFormat::tree},
    {"hf", ExportFormat::hf},
    {"manifest", ExportFormat::manifest},
    {"inference", ExportFormat::inference},
}};

/// jsonl, csv and parquet: a row a job. @param write takes the job of each row
ExportCounts export_rows(const StoredCaptions& source, const ExportOptions& options,
                         const std::function<void(const StoredCaption&)>& write) {
  ExportCounts counts;
  std::string last_record;
  source([&](const StoredCaption& item) {
    const bool at_its_end = item.state == JobState::failed || item.state == JobState::dropped;
    if (item.state != JobState::done && !(options.failed && at_its_end)) {
      ++counts.left_out;
      return;
    }
    if (counts.captions == 0 || item.record.id != last_record) ++counts.records;
    last_record = item.record.id;
    ++counts.captions;
    write(item);
  });
  return counts;
}

ExportCounts export_text_rows(const StoredCaptions& source, ExportFormat format,
                              const std::filesystem::path& output, const ExportOptions& options) {
  const bool is_csv = format == ExportFormat::csv;
  detail::BufferedFile file(output);
  if (is_csv) file.write(detail::export_csv_header(options));
  const ExportCounts counts = export_rows(source, options, [&](const StoredCaption& item) {
    file.write(is_csv ? detail::export_csv_row(item, options) : detail::export_json_row(item, options));
  });
  file.commit();
  return counts;
}

ExportCounts export_parquet(const StoredCaptions& source, const std::filesystem::path& output,
                            const ExportOptions& options) {
  ParquetWriter table(output, detail::export_parquet_columns(options));
  const ExportCounts counts = export_rows(source, options, [&](const StoredCaption& item) {
    table.write(detail::export_parquet_row(item, options));
  });
  table.commit();
  return counts;
}

/// Records that have a caption of any kind; training has no use for others.
ExportCounts export_manifest(const StoredCaptions& source, const std::filesystem::path& output) {
  detail::BufferedFile file(output);
  std::uint64_t records = 0;
  ExportCounts counts = detail::for_each_record(source, [&](const detail::RecordCaptions& item) {
    if (item.captions.empty() && item.record.caption.empty() && item.record.captions.empty()) return;
    ++records;
    file.write(detail::export_manifest_row(item));
  });
  file.commit();
  counts.records = records;
  return counts;
}

/// {"0": {"predictions", "true_captions", "audio_id"}, ...}: predictions and references of a task.
ExportCounts export_inference(const StoredCaptions& source, const std::filesystem::path& output) {
  detail::BufferedFile file(output);
  std::uint64_t records = 0, without_reference = 0;
  ExportCounts counts = detail::for_each_record(source, [&](const detail::RecordCaptions& item) {
    if (item.captions.empty()) return;
    LPMC_REQUIRE(item.captions.size() == 1, invalid_argument,
                 "inference: expected the captions of one task (--task), found '{}' and '{}' for '{}'",
                 item.captions[0].prompt_id, item.captions[1].prompt_id, display_path(item.record.id));
    if (item.record.caption.empty()) {
      ++without_reference;
      return;
    }
    file.write(fmt::format("{}{}", records == 0 ? "{\n" : ",\n",
                           detail::export_inference_entry(records, item.record, item.captions[0])));
    ++records;
  });
  LPMC_REQUIRE(records > 0, invalid_argument,
               "inference: expected captions that people wrote to compare with, found none for {} captions",
               without_reference);
  file.write("\n}\n");
  file.commit();
  counts.captions -= without_reference;
  counts.left_out += without_reference;
  counts.records = records;
  return counts;
}

}  // namespace

ExportFormat parse_export_format(std::string_view name) {
  for (const auto& [known, format] : kFormats) {
    if (known != name) continue;
    if (format == ExportFormat::parquet) require_parquet("--format parquet");
    return format;
  }
  fail(ErrorKind::invalid_argument,
       "format: expected one of jsonl, csv, parquet, tree, hf, manifest, inference, found '{}'",
       display_path(name));
}

StoredCaptions select_captions(StoredCaptions source, const ExportOptions& options) {
  if (options.task.empty() && options.split.empty()) return source;
  return [source = std::move(source), task = options.task,
          splits = ',' + options.split + ','](const std::function<void(const StoredCaption&)>& visit) {
    source([&](const StoredCaption& item) {
      const bool in_split = splits == ",," || splits.find(',' + item.record.split + ',') != std::string::npos;
      if (in_split && (task.empty() || task == item.prompt_id)) visit(item);
    });
  };
}

ExportCounts export_captions(const StoredCaptions& all, ExportFormat format,
                             const std::filesystem::path& output, const ExportOptions& options,
                             std::span<const Prompt> prompts) {
  const StoredCaptions source = select_captions(all, options);
  switch (format) {
    case ExportFormat::jsonl:
    case ExportFormat::csv:
      return export_text_rows(source, format, output, options);
    case ExportFormat::parquet:
      return export_parquet(source, output, options);
    case ExportFormat::tree:
      return detail::export_tree(source, output, options);
    case ExportFormat::hf:
      return detail::export_hf(source, output, options, prompts);
    case ExportFormat::manifest:
      return export_manifest(source, output);
    case ExportFormat::inference:
      return export_inference(source, output);
  }
  return {};
}

std::string tree_text(const JobResult& result) {
  if (result.new_attributes.empty()) return replace_invalid_utf8(result.caption);
  const nlohmann::ordered_json dictionary = {{"new_attribute", result.new_attributes},
                                             {"description", result.caption}};
  return dictionary.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace lpmc
