#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <vector>

#include "lpmc/dataset/manifest.h"

namespace lpmc {

/// What a folder of audio gives.
struct AudioFolder {
  std::vector<ManifestRecord> records;  ///< in the byte order of their paths; `audio` relative to the folder
  std::size_t texts = 0;                ///< songs with a song.txt
  std::size_t rows = 0;                 ///< songs with a row in a metadata file
  std::size_t lost_texts = 0;           ///< .txt files without a song
  std::size_t lost_rows = 0;            ///< rows of metadata files whose file is not there
};

/// A folder of audio, with all below it but hidden files; links to folders are not followed. A song's id is
/// its path without extension (with it, where two songs differ in nothing else). Its caption is what
/// song.txt beside it says. metadata.jsonl and metadata.csv, as Hugging Face audio folders have them in any
/// folder, give captions, tags, splits and ids by "file_name". Songs below train/, valid/ (or validation/,
/// ...) and test/ belong to that split.
/// @param is_audio whether a file is a song, by its name
/// @throws Error(not_found), Error(invalid_argument) for a file, Error(io), Error(corrupt) for a broken
/// metadata file or an id that two rows give
AudioFolder read_audio_folder(const std::filesystem::path& folder,
                              const std::function<bool(const std::filesystem::path&)>& is_audio);

/// Calls `take` for every file below a folder, in the byte order of paths relative to it, without hidden
/// ones.
/// @throws Error(not_found, invalid_argument, io)
void for_each_file(const std::filesystem::path& folder,
                   const std::function<void(const std::filesystem::path& relative)>& take);

}  // namespace lpmc
