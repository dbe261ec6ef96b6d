#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "lpmc/tensor/tensor.h"

namespace lpmc {

/// The audio front end's numbers. Defaults are the reference's.
struct MelConfig {
  int sample_rate = 16000;  ///< Hz
  int n_fft = 1024;         ///< samples of a frame, and of its window
  int hop_length = 160;     ///< samples between frames
  int n_mels = 128;
  double f_min = 0.0;     ///< Hz
  double f_max = 8000.0;  ///< Hz

  friend bool operator==(const MelConfig&, const MelConfig&) = default;
};

template <class Field>
void visit(MelConfig& config, Field&& field) {
  field("sample-rate", config.sample_rate, "samples a second, Hz");
  field("n-fft", config.n_fft, "samples of a frame and its window");
  field("hop-length", config.hop_length, "samples between frames");
  field("n-mels", config.n_mels, "mel bands");
  field("f-min", config.f_min, "lowest frequency, Hz");
  field("f-max", config.f_max, "highest frequency, Hz");
}

/// Frames of a waveform: samples / hop_length + 1.
inline std::int64_t num_frames(std::int64_t samples, const MelConfig& config) {
  return samples / config.hop_length + 1;
}

/// Periodic Hann window, [n_fft] float32, as torch.hann_window.
Tensor hann_window(const MelConfig& config);

/// Triangular HTK filters without normalisation, [n_fft / 2 + 1, n_mels] float32, with torchaudio
/// melscale_fbanks' float32 arithmetic.
Tensor mel_filterbank(const MelConfig& config);

/// The log-mel front end, equal to the reference's MelEncoder. Immutable after construction; may be
/// used from several threads.
/// Source: lp-music-caps model/modules.py MelEncoder, torchaudio 0.13.1.
class LogMel {
 public:
  /// @throws Error(invalid_argument) for a configuration that makes no sense (n_fft not a power of
  /// two, sizes below 1, f_max over half the sample rate)
  explicit LogMel(const MelConfig& config);
  /// With the window [n_fft] and filter bank [n_fft / 2 + 1, n_mels] (float32) of a checkpoint.
  LogMel(const MelConfig& config, ConstTensorView window, ConstTensorView filterbank);
  ~LogMel();
  LogMel(LogMel&&) noexcept;
  LogMel& operator=(LogMel&&) noexcept;

  const MelConfig& config() const;

  /// @param waveform [batch, samples] float32 in [-1, 1] at config().sample_rate
  /// @return [batch, n_mels, num_frames(samples)] float32, dB (10 log10, floor 1e-10, no top_db)
  /// @throws Error(invalid_argument) when samples <= n_fft / 2 (reflect padding), or on another
  /// rank or dtype
  /// Kept on purpose: power is Re(X)^2, not |X|^2.
  Tensor forward(ConstTensorView waveform) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lpmc
