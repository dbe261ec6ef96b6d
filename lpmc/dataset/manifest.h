#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "lpmc/dataset/tag_record.h"
#include "lpmc/dataset/text_source.h"

namespace lpmc {

/// One clip or track to learn from: a line of a manifest (INTERFACE, section 5). `audio` is a path, relative
/// to the manifest's folder or absolute; "" = in the cache by id.
using ManifestRecord = TagRecord;

/// Reads a manifest (JSONL), line by line. Tags are trimmed, empty ones go; captions keep their
/// text but for blanks around them, and columns without text are left out; "validation" and the like become
/// "valid". Fields it does not know are skipped.
/// @throws Error(not_found), Error(corrupt) naming file, line, key, expected, found; duplicate ids are
/// corrupt
void read_manifest(const std::filesystem::path& path, const std::function<void(ManifestRecord&&)>& take);
std::vector<ManifestRecord> read_manifest(const std::filesystem::path& path);

/// The same, with an id that stands twice handed over twice: for what checks manifests.
/// @param take gets the line's number, from 1
void read_manifest_lines(TextSource& text,
                         const std::function<void(ManifestRecord&&, std::size_t line)>& take);

/// One line of a manifest, without its line end; empty fields are left out.
std::string manifest_line(const ManifestRecord& record);

/// Writes a manifest, whole or not at all.
void write_manifest(const std::filesystem::path& path, const std::vector<ManifestRecord>& records);

/// Where a record's audio lies: `audio` itself, or under `folder`. Empty where the record has none.
std::filesystem::path audio_path(const ManifestRecord& record, const std::filesystem::path& folder);

/// What two clips of one recording have in common: the video of "[ytid]-[30-40]", the file of MagnaTagATune
/// before "-30-59.mp3", else the id.
std::string track_of(const ManifestRecord& record);

}  // namespace lpmc
