#pragma once

#include <filesystem>

#include "lpmc/tag_to_caption/sqlite_database.h"

namespace lpmc {

/// A job's id holds its record and its prompt: record number * kPromptSlots + prompt number.
inline constexpr int kPromptSlots = 64;

/// Opens the database of a tag-to-caption run for reading and writing, or makes it. A file that is not ours,
/// of another version or damaged where that can be seen cheaply (header, size, schema; all pages of a small
/// file) is refused before anything is written.
/// @throws Error(corrupt, unsupported, io, not_found)
Database open_job_database(const std::filesystem::path& path);

}  // namespace lpmc
