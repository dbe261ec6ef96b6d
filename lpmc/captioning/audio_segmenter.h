#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "lpmc/audio/clips.h"
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

/// Decodes a file, cuts it into segments and computes their log-mels, on the calling thread.
class AudioSegmenter {
 public:
  /// Takes the next event. @return false: nobody wants more
  using Sink = std::function<bool(AudioEvent&&)>;

  /// @param log_mel must live as long as this
  AudioSegmenter(const ModelConfig& config, const LogMel& log_mel, const CaptionOptions& options)
      : config_(config), log_mel_(log_mel), options_(options) {}

  /// Hands FileBegin, the file's segments and FileEnd to `sink`; what is wrong with the file is FileEnd's
  /// failure.
  /// @param number the events' file
  /// @return false when the sink wanted no more, or `stop` was requested
  bool process(std::uint64_t number, const AudioInput& input, const Sink& sink,
               const std::stop_token& stop) const;

 private:
  struct Reading;

  FileSegment segment_of(const Reading& reading, std::uint64_t index, double start_s, const Clip& clip) const;
  bool read(Reading& reading) const;
  bool is_original() const { return options_.compat == "original"; }

  ModelConfig config_;
  const LogMel& log_mel_;
  CaptionOptions options_;
};

}  // namespace lpmc
