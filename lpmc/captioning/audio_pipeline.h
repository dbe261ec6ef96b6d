#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

#include "lpmc/captioning/audio_segmenter.h"

namespace lpmc {

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
