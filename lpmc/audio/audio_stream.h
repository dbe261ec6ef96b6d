#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "lpmc/audio/decode.h"

struct AVFrame;

// Private to lpmc/audio.

namespace lpmc::detail {

/// What went wrong along the way without ending the stream.
struct StreamDamage {
  std::int64_t bad_packets = 0;  ///< not readable or decodable, or decoded with errors reported
  std::int64_t gaps = 0;         ///< places where the time stamps jump
  std::string stopped_by;        ///< why reading ended before the end of the file, if it did
};

/// The audio stream of a file, decoded frame by frame.
class AudioStream {
 public:
  /// Opens the file and finds its audio stream. Throws what AudioReader's constructor does, but for
  /// files without a sample.
  AudioStream(const std::filesystem::path& path, std::stop_token stop);
  ~AudioStream();
  AudioStream(AudioStream&&) noexcept;
  AudioStream& operator=(AudioStream&&) noexcept;

  const AudioInfo& info() const;
  /// Seconds of sound according to the file's headers; 0 when they do not say, or only for all streams
  /// together.
  double declared_s() const;

  /// The next frame (at least one sample, a sane rate and number of channels), or null at the end.
  /// Valid until the next call; may be written to.
  /// @throws Error(unsupported) on absurd parameters, Error(io), Error(cancelled)
  AVFrame* next();
  /// Where the latest frame begins: samples at its rate since the first decoded sample.
  std::int64_t frame_start() const;
  /// Where the next frame is due: at the end, the number of samples decoded.
  std::int64_t position() const;

  /// Whether the time stamps of this container are exact to the sample, also after a seek. To be
  /// asked once the first frame was decoded.
  bool seeks_exactly() const;
  /// Goes to a place at or before `sample` (as frame_start() counts), if the container has one.
  /// @return false when that failed; the stream is then of no more use
  bool seek(std::int64_t sample);

  const StreamDamage& damage() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lpmc::detail
