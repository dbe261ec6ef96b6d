#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "lpmc/tag_to_caption/export.h"
#include "lpmc/tag_to_caption/report.h"

namespace lpmc::detail {

ExportCounts export_tree(const StoredCaptions& source, const std::filesystem::path& output,
                         const ExportOptions& options);
ExportCounts export_hf(const StoredCaptions& source, const std::filesystem::path& output,
                       const ExportOptions& options, std::span<const Prompt> prompts);

/// The split's name as Hugging Face takes it: letters, digits, "_", "."; "train" where a record has none.
std::string hf_split_name(std::string_view split);

/// README.md of the data set: YAML front matter, what it is, fields, prompts, provenance, validation.
/// @param splits names of those that have a file
std::string dataset_card(const RunFigures& figures, std::span<const std::string> splits,
                         const ExportOptions& options, std::span<const Prompt> prompts);

}  // namespace lpmc::detail
