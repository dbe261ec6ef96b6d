#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>

#include "lpmc/cli/common_options.h"
#include "lpmc/cli/option_binder.h"
#include "lpmc/dataset/split_assign.h"

namespace lpmc::cli {

/// The command lines of `lpmc prepare`.
struct PrepareFlags {
  CommonOptions common;
  std::string folder;    ///< of audio
  std::string manifest;  ///< read or written
  std::string cache;
  std::string output;
  // import
  std::string input, dataset = "auto", split_file, captions, audio_root, audio_pattern;
  bool require_audio = false;
  // cache, verify
  std::string audio_dir;
  int sample_rate = 16000;  ///< Hz
  double shard_gb = 1;
  double min_duration_s = 10;
  double max_duration_s = 14400;
  bool sources = false;
  // stats
  std::string format = "text";
  std::string model = "default", tokenizer;
  std::int64_t max_length = 128;
  int top = 20;
  // split
  BoundOptions<SplitOptions> split;
  bool replace = false;
};

int prepare_audio(PrepareFlags& flags);
int prepare_import(PrepareFlags& flags);
int prepare_cache(PrepareFlags& flags);
int prepare_verify(PrepareFlags& flags);
int prepare_stats(PrepareFlags& flags);
int prepare_split(PrepareFlags& flags);

/// Decodes the audio of flags.manifest into flags.cache. @return the exit code
int cache_manifest(const PrepareFlags& flags, const std::stop_token& stop);

/// True for what `prepare` takes as audio: media files and .npy.
bool is_training_audio(const std::filesystem::path& file);

/// The folder that a manifest's relative paths begin at: flags.audio_dir, else the manifest's own.
std::filesystem::path audio_folder_of(const PrepareFlags& flags);

}  // namespace lpmc::cli
