#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "lpmc/dataset/manifest.h"

namespace lpmc {

/// Where the audio of a data set lies: its annotations name no files, or files that were moved or made into
/// .npy since.
class AudioFinder {
 public:
  /// @param root the folder of the audio
  /// @param pattern names a record's file below it: {id}, {path} (the record's own path), {stem} (that
  /// without extension), {track} (track_of()); empty = the record's own path, the same with .npy for its
  /// extension, or a file anywhere below `root` whose name without extension is the id (or the track)
  /// @param is_audio tells audio files by their names; for an empty pattern
  /// @throws Error(not_found, invalid_argument) for a root that is no folder, Error(invalid_argument) for a
  /// pattern with an unknown name in braces
  AudioFinder(std::filesystem::path root, std::string pattern,
              const std::function<bool(const std::filesystem::path&)>& is_audio);

  /// The record's file; empty where there is none.
  std::filesystem::path find(const ManifestRecord& record) const;

 private:
  std::filesystem::path by_name(const ManifestRecord& record) const;

  std::filesystem::path root_;
  std::string pattern_;
  std::unordered_map<std::string, std::filesystem::path> by_stem_;
};

/// A pattern with a record's values for the names in braces.
/// @throws Error(invalid_argument) for an unknown name
std::string fill_audio_pattern(std::string_view pattern, const ManifestRecord& record);

/// `audio` as a manifest in `manifest_folder` names it: relative where it lies below that folder or
/// `audio` is a relative path itself, so that both may be moved together; else absolute.
std::string manifest_audio(const std::filesystem::path& audio, const std::filesystem::path& manifest_folder);

}  // namespace lpmc
