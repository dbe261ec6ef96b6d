#pragma once

#include <memory>

#include "lpmc/inference/stages.h"
#include "lpmc/model/config.h"
#include "lpmc/model/weights.h"

namespace lpmc {

/// Log-mel to audio embeddings: convolutions with GELU, then sinusoidal positions. Weights are
/// packed at construction; the ModelWeights may go away. Immutable.
/// Source: lp-music-caps model/modules.py AudioEncoder.
class AudioEncoder {
 public:
  /// @param arithmetic of the matrix products: f32, bf16 or i8 (ops/linear.h)
  AudioEncoder(const ModelConfig& config, const ModelWeights& weights, DType arithmetic = DType::f32);
  ~AudioEncoder();
  AudioEncoder(AudioEncoder&&) noexcept;
  AudioEncoder& operator=(AudioEncoder&&) noexcept;

  /// @param log_mel [batch, n_mels, frames] float32, dB; frames = num_frames(segment_samples)
  /// @return [batch, n_ctx, d_model] float32
  Tensor forward(ConstTensorView log_mel, const StageFn& on_stage = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lpmc
