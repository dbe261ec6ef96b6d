#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct AVFrame;

// Private to lpmc/audio.

namespace lpmc::detail {

/// Decoded frames to mono 16-bit samples at one rate, through libswresample with the settings that
/// the ffmpeg program uses for `-ac 1 -ar RATE -c:a pcm_s16le`.
class Resampler {
 public:
  explicit Resampler(int output_rate);
  ~Resampler();
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;

  /// Converts the samples from `first` on and appends them to `out`. A frame of another rate, format
  /// or channel layout than the one before ends that one's stream first.
  /// @throws Error(unsupported) for what libswresample cannot convert
  void convert(const AVFrame& frame, std::int64_t first, std::vector<std::int16_t>& out);
  /// Appends what is still inside the filter. The next convert() begins a new stream.
  void flush(std::vector<std::int16_t>& out);

  /// Every this many input samples, an output sample falls exactly on an input sample: a stream begun there
  /// has the same grid as one begun at 0.
  static std::int64_t grid(int input_rate, int output_rate);

 private:
  struct Stream;
  int output_rate_;
  std::unique_ptr<Stream> stream_;
};

}  // namespace lpmc::detail
