#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <span>
#include <stop_token>
#include <string>

#include "lpmc/tensor/tensor.h"

namespace lpmc {

/// Which part of a file, and at what rate.
struct DecodeOptions {
  int sample_rate = 16000;  ///< Hz, of the samples given out
  double start_s = 0;       ///< seconds from the first sample that decoding the whole file gives
  double duration_s = std::numeric_limits<double>::infinity();  ///< seconds; infinity: to the end
};

template <class Field>
void visit(DecodeOptions& options, Field&& field) {
  field("sample-rate", options.sample_rate, "samples a second, Hz");
  field("start", options.start_s, "where to begin, in seconds");
  field("duration", options.duration_s, "how much to read, in seconds");
}

/// What a file says of itself.
struct AudioInfo {
  double duration_s = 0;  ///< of the whole file, by its headers or guessed from its bit rate; 0: unknown
  std::string container;  ///< FFmpeg's name: "wav", "ogg", "mov,mp4,m4a,3gp,3g2,mj2"
  std::string codec;      ///< FFmpeg's name: "pcm_s16le", "vorbis"
  int sample_rate = 0;    ///< Hz, of the decoded sound before conversion
  int channels = 0;
};

/// Any local file FFmpeg's libraries decode, as a stream of mono float32 samples in [-1, 1).
///
/// Samples are those of `ffmpeg -i FILE -ac 1 -ar 16000 -c:a pcm_s16le`, divided by 32768: the same
/// libraries run with the same settings, so they are equal, not just close. The stream read is the
/// one ffmpeg picks (the most channels, streams marked default first). The front of the file is
/// read by the constructor; memory does not grow with the length of the file, but for the packet
/// index that some containers (mp4) carry in their header.
///
/// start_s and duration_s select the samples [start_s * rate, (start_s + duration_s) * rate) of the
/// whole decode. A start within the first minute, or in a container whose time stamps are not exact to
/// the sample, is reached by decoding from the beginning. Later starts seek where that is exact (PCM in
/// wav, w64 and aiff; flac, mp3, Vorbis and Opus in ogg, AAC, ALAC and Opus in mp4). Either way the samples
/// are those of the whole decode, but for AAC after a seek: its noisy bands are filled with random numbers.
///
/// What a reader will not do: open a second file, whatever the first one says (playlists are
/// refused), use a network protocol, or treat a name as anything but a name.
///
/// Damage does not end the stream: packets that cannot be decoded are left out, as ffmpeg does, and
/// warnings() tells. NaN and infinite samples of float files become 0 before resampling, where they
/// would spoil their neighbours.
class AudioReader {
 public:
  /// Opens the file and decodes its first frame.
  /// @param stop makes this and every later call throw Error(cancelled); looked at at least once a
  /// packet and a read of the file
  /// @throws Error(not_found), Error(invalid_argument) for a folder or options out of range,
  /// Error(unsupported) for what is not sound FFmpeg knows or has no audio stream, Error(corrupt) for an
  /// empty file or one with no sample in it, Error(io), Error(cancelled)
  explicit AudioReader(const std::filesystem::path& path, const DecodeOptions& options = {},
                       std::stop_token stop = {});
  ~AudioReader();
  AudioReader(AudioReader&&) noexcept;
  AudioReader& operator=(AudioReader&&) noexcept;

  const std::filesystem::path& path() const;
  const DecodeOptions& options() const;
  const AudioInfo& info() const;

  /// The next samples. Fewer than out.size() only at the end.
  /// @throws Error(invalid_argument) when start_s lies behind the end of the sound, Error(io),
  /// Error(unsupported) when the stream changes into something that cannot be converted, Error(cancelled)
  std::size_t read(std::span<float> out);

  /// What was wrong but did not stop the reading, one sentence each, without the file's name:
  /// damage, a cut-off end, gaps, NaN samples. Complete once read() has come to the end.
  std::span<const std::string> warnings() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The samples of a file in one piece.
/// @param max_samples guards against files that would fill the memory
/// @return [samples] float32
/// @throws as AudioReader, and Error(unsupported) when there are more than max_samples
Tensor decode_all(const std::filesystem::path& path, const DecodeOptions& options = {},
                  std::int64_t max_samples = 16000LL * 3600);

}  // namespace lpmc
