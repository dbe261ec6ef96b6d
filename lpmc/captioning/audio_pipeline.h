#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "lpmc/audio/log_mel.h"
#include "lpmc/captioning/captions.h"
#include "lpmc/captioning/options.h"
#include "lpmc/model/config.h"
#include "lpmc/tensor/tensor.h"

namespace lpmc {

/// A file has been opened; its segments follow.
struct FileBegin {
  std::uint64_t file = 0;  ///< counts the files from 0
  std::filesystem::path path;
  double expected_s = 0;  ///< seconds that will be captioned, as the file's headers say; 0 = unknown
};

/// One segment of it.
struct FileSegment {
  std::uint64_t file = 0;
  std::uint64_t index = 0;  ///< counts the file's segments from 0
  double start_s = 0;
  double end_s = 0;
  bool silent = false;
  Tensor log_mel;  ///< [n_mels, frames]; empty where silent
};

/// No more of it; a failure means that it counts as not captioned at all.
struct FileEnd {
  std::uint64_t file = 0;
  double duration_s = 0;
  std::vector<std::string> warnings;
  std::optional<Failure> failure;
};

using AudioEvent = std::variant<FileBegin, FileSegment, FileEnd>;

/// Decodes files one after the other on a thread of its own, cuts them into segments and computes
/// their log-mels, running ahead of the reader by at most `ahead` segments.
class AudioPipeline {
 public:
  AudioPipeline(const ModelConfig& config, const LogMel& log_mel, const CaptionOptions& options,
                std::size_t ahead, std::function<std::optional<AudioInput>()> next_file);
  /// Stops the thread, wherever it is.
  ~AudioPipeline();

  /// The next event, in order; nothing after the last file.
  std::optional<AudioEvent> next();
  /// Makes next() come to an end soon. May be called from any thread.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lpmc
