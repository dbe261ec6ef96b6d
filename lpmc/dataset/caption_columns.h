#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <unordered_map>

namespace lpmc {

/// Pseudo captions by id, then by column ("writing", "summary", ...).
using CaptionColumns = std::unordered_map<std::string, std::map<std::string, std::string>>;

/// Reads what `lpmc tag-to-caption export` wrote: jsonl or csv (a caption a row, with its prompt), a
/// manifest, a Hugging Face data set (the folder, or one metadata.jsonl), or an LP-MusicCaps file with
/// caption_... columns. Rows without a caption (failed jobs) are skipped.
/// @throws Error(not_found, corrupt) naming file and line, expected, found; Error(invalid_argument) for a
/// folder without metadata.jsonl
CaptionColumns read_caption_columns(const std::filesystem::path& path);

}  // namespace lpmc
