#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "lpmc/audio/decode.h"
#include "lpmc/tensor/tensor.h"

namespace lpmc {

/// What becomes of the last piece when it is shorter than a clip.
enum class Tail {
  pad,   ///< filled up with zeros at its end
  drop,  ///< left out, as the original does
};

struct ClipOptions {
  double duration_s = 10;  ///< seconds of a clip
  double hop_s = 0;        ///< seconds between the starts of clips; 0: duration_s
  Tail tail = Tail::pad;
  double min_tail_s = 1.0;  ///< under Tail::pad, a last piece with less sound than this is left out
};

/// One segment of a waveform, and what is needed to know whether to describe it.
struct Clip {
  std::int64_t index = 0;
  std::int64_t offset_samples = 0;  ///< from the start of the stream
  std::int64_t valid_samples = 0;   ///< the rest of the waveform is padding
  Tensor waveform;                  ///< [duration_s * sample rate] float32
  float peak = 0;                   ///< largest |x| of the valid samples
  float rms = 0;                    ///< root of the mean square of the valid samples
  /// Nothing to hear: every valid sample lies within 0.001 (-60 dBFS, 33 steps of 16 bits) of the middle
  /// between the largest and the smallest. Dither, the hiss of converters and a constant offset stay under
  /// that; music does not for ten seconds: pianissimo of a full-range recording peaks near -40 dBFS, and a
  /// fade-in passes -60 dBFS within its first moments.
  bool silent = false;
};

/// Peak-to-peak half height under which a clip is silent.
inline constexpr float kSilenceHalfHeight = 0.001F;

/// Cuts a stream of samples into clips: clip i is [i * hop, i * hop + duration). Clips may overlap
/// (hop < duration) or leave gaps. Never holds more than one clip and its successor's overlap.
///
/// The last clip may be shorter than the others. It is given out, padded, only under Tail::pad, with at
/// least min_tail_s of sound, and when it has samples that no earlier clip had: with overlap there are
/// no clips that lie wholly inside their predecessor. A whole stream shorter than min_tail_s
/// therefore yields no clip; that is for the caller to report, with total_samples().
class ClipReader {
 public:
  /// Fills the span as far as it can; fewer samples than asked for only at the end.
  using Read = std::function<std::size_t(std::span<float>)>;

  /// @throws Error(invalid_argument) for options that make no sense, or a clip of over an hour
  ClipReader(Read read, int sample_rate, const ClipOptions& options);
  /// Reads from `reader`, which must outlive this.
  ClipReader(AudioReader& reader, const ClipOptions& options);

  /// Samples of a clip: duration_s at the stream's rate.
  std::int64_t segment_samples() const { return segment_; }

  /// The next clip. Reuses clip.waveform's memory when it still has it.
  /// @return false when there are no more; what `clip` holds is then unspecified
  /// @throws what the source throws
  bool next(Clip& clip);

  /// Samples read so far: once next() returned false, the length of the stream.
  std::int64_t total_samples() const { return total_; }

 private:
  std::size_t read(std::span<float> out);
  bool skip(std::int64_t samples);

  Read read_;
  Tail tail_;
  std::int64_t segment_ = 0;
  std::int64_t hop_ = 0;
  std::int64_t min_tail_ = 0;
  std::int64_t next_index_ = 0;
  std::int64_t total_ = 0;
  bool ended_ = false;
  std::vector<float> overlap_;  // the samples the next clip shares with the one before
};

}  // namespace lpmc
