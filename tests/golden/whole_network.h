#pragma once

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "lpmc/audio/log_mel.h"
#include "lpmc/captioning/special_tokens.h"
#include "lpmc/generation/generate.h"
#include "lpmc/inference/audio_encoder.h"
#include "lpmc/inference/bart_decoder.h"
#include "lpmc/inference/bart_encoder.h"
#include "lpmc/model/model_dir.h"

namespace lpmc::test {

/// A model from waveform to token ids, without the scheduler.
class WholeNetwork {
 public:
  explicit WholeNetwork(const Model& model, DType arithmetic = DType::f32)
      : config_(model.config),
        log_mel_(model.config.mel, model.weights.weights.mel_window, model.weights.weights.mel_filterbank),
        audio_encoder_(model.config, model.weights.weights, arithmetic),
        encoder_(model.config, model.weights.weights, arithmetic),
        decoder_(model.config, model.weights.weights, arithmetic) {}

  const ModelConfig& config() const { return config_; }

  /// @param waveforms [batch, samples]
  Tensor encode(ConstTensorView waveforms) const {
    return encoder_.forward(audio_encoder_.forward(log_mel_.forward(waveforms)));
  }

  /// @param hidden [batch, positions, d_model]
  std::vector<std::vector<Hypothesis>> search(ConstTensorView hidden, const GenerationOptions& options,
                                              const SpecialTokens& special) const {
    KvCache cache;
    decoder_.add_segments(cache, hidden);
    const StepFn step = [&](std::span<const std::int32_t> parents, std::span<const std::int32_t> tokens) {
      return decoder_.step(cache, parents, tokens);
    };
    return generate(step, hidden.size(0), config_.vocab_size, options, special);
  }

 private:
  ModelConfig config_;
  LogMel log_mel_;
  AudioEncoder audio_encoder_;
  BartEncoder encoder_;
  BartDecoder decoder_;
};

/// One waveform out of a batch, as a batch of one.
inline ConstTensorView only(ConstTensorView batch, std::int64_t index) {
  std::vector<std::int64_t> sizes(batch.shape().sizes().begin(), batch.shape().sizes().end());
  sizes[0] = 1;
  return {batch[index].bytes(), batch.dtype(), Shape(sizes)};
}

/// Stacks int16 clips of equal length to float waveforms: x / 32768.
inline void copy_int16_clip(ConstTensorView clip, TensorView waveform) {
  const auto samples = clip.values<std::int16_t>();
  const auto out = waveform.mutable_values<float>();
  for (std::size_t i = 0; i < samples.size(); ++i)
    out[i] = static_cast<float>(samples[i]) / 32768.0F;
}

/// transformers pads the rows of a batch; ours carry no padding.
inline std::vector<std::int32_t> without_padding(std::vector<std::int32_t> row, std::int32_t pad) {
  while (!row.empty() && row.back() == pad)
    row.pop_back();
  return row;
}

}  // namespace lpmc::test
