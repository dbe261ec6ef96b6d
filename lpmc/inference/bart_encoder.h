#pragma once

#include <memory>

#include "lpmc/inference/stages.h"
#include "lpmc/model/config.h"
#include "lpmc/model/weights.h"

namespace lpmc {

/// BART's encoder over embeddings (of audio, or of tokens). Weights are packed at construction.
/// Source: transformers 4.26.1 modeling_bart.py BartEncoder, called with inputs_embeds.
class BartEncoder {
 public:
  /// @param arithmetic of the matrix products: f32, bf16 or i8 (ops/linear.h)
  BartEncoder(const ModelConfig& config, const ModelWeights& weights, DType arithmetic = DType::f32);
  ~BartEncoder();
  BartEncoder(BartEncoder&&) noexcept;
  BartEncoder& operator=(BartEncoder&&) noexcept;

  /// @param embeddings [batch, positions, d_model] float32; positions <= max_position_embeddings
  /// @return hidden states [batch, positions, d_model] float32
  Tensor forward(ConstTensorView embeddings, const StageFn& on_stage = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lpmc
