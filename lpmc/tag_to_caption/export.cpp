#include "lpmc/tag_to_caption/export.h"

#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "lpmc/base/error.h"
#include "lpmc/base/utf8.h"
#include "lpmc/tag_to_caption/export_buffer.h"
#include "lpmc/tag_to_caption/export_folders.h"
#include "lpmc/tag_to_caption/export_rows.h"

namespace lpmc {
namespace {

constexpr std::array<std::pair<std::string_view, ExportFormat>, 5> kFormats = {{
    {"jsonl", ExportFormat::jsonl},
    {"csv", ExportFormat::csv},
    {"tree", ExportFormat::tree},
    {"hf", ExportFormat::hf},
    {"manifest", ExportFormat::manifest},
}};

/// jsonl and csv: a line a job.
ExportCounts export_rows(const StoredCaptions& source, ExportFormat format,
                         const std::filesystem::path& output, const ExportOptions& options) {
  ExportCounts counts;
  detail::BufferedFile file(output);
  if (format == ExportFormat::csv) file.write(detail::export_csv_header(options));
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
    file.write(format == ExportFormat::csv ? detail::export_csv_row(item, options)
                                           : detail::export_json_row(item, options));
  });
  file.commit();
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

}  // namespace

ExportFormat parse_export_format(std::string_view name) {
  for (const auto& [known, format] : kFormats) {
    if (known == name) return format;
  }
  LPMC_REQUIRE(
      name != "parquet", unsupported,
      "format: parquet needs the Arrow library, which this build is without; export jsonl or hf and convert "
      "them, for example with the Python package datasets");
  fail(ErrorKind::invalid_argument, "format: expected one of jsonl, csv, tree, hf, manifest, found '{}'",
       display_path(name));
}

ExportCounts export_captions(const StoredCaptions& source, ExportFormat format,
                             const std::filesystem::path& output, const ExportOptions& options,
                             std::span<const Prompt> prompts) {
  switch (format) {
    case ExportFormat::jsonl:
    case ExportFormat::csv:
      return export_rows(source, format, output, options);
    case ExportFormat::tree:
      return detail::export_tree(source, output, options);
    case ExportFormat::hf:
      return detail::export_hf(source, output, options, prompts);
    case ExportFormat::manifest:
      return export_manifest(source, output);
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
