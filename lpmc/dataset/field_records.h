#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "lpmc/dataset/json_records.h"
#include "lpmc/dataset/text_source.h"

namespace lpmc {

/// Records of any of the files that data sets come as: JSON by id, a JSON array, JSONL, CSV (an object of
/// strings a row) or Parquet (parquet_table.h), told apart by the content. One record at a time is in memory.
/// @param take as of json_records.h
/// @param csv_columns a CSV file must have one of these columns, so that prose is not taken for a table
/// @throws Error(corrupt) naming file and line or key, expected, found; for an empty file, too;
/// Error(unsupported) for Parquet in a pipe, or in a build without it
void read_field_records(TextSource& text, const std::vector<std::string>& csv_columns,
                        const TakeJsonRecord& take);

}  // namespace lpmc
