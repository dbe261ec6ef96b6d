#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "lpmc/dataset/parquet_table.h"
#include "lpmc/tag_to_caption/export.h"
#include "lpmc/tag_to_caption/job_store.h"

namespace lpmc::detail {

/// One caption as a line of JSONL, with its line end.
std::string export_json_row(const StoredCaption& item, const ExportOptions& options);

std::string export_csv_header(const ExportOptions& options);
std::string export_csv_row(const StoredCaption& item, const ExportOptions& options);

/// The columns of the Parquet file: those of the lines, each with one type.
std::vector<ParquetColumn> export_parquet_columns(const ExportOptions& options);
/// One caption as a row of it; what has no type of its own there is JSON as text.
nlohmann::json export_parquet_row(const StoredCaption& item, const ExportOptions& options);

/// One record with what was made of it.
struct RecordCaptions {
  TagRecord record;
  std::vector<StoredCaption> captions;  ///< done ones, in prompt order; their `record` is empty
};

/// Puts the captions of each record together.
/// @return counts of captions and left_out jobs
ExportCounts for_each_record(const StoredCaptions& source,
                             const std::function<void(const RecordCaptions&)>& take);

/// A record as a line of the manifest; its own pseudo captions are kept where there is no newer one.
std::string export_manifest_row(const RecordCaptions& item);

/// "7": {"predictions": ..., "true_captions": ..., "audio_id": ...}, without line end.
std::string export_inference_entry(std::uint64_t number, const TagRecord& record, const StoredCaption& made);

/// A record as a line of a Hugging Face data set. @param tasks one column "caption_<task>" each, in every
/// line
std::string export_hf_row(const RecordCaptions& item, const std::vector<std::string>& tasks);

}  // namespace lpmc::detail
