#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "lpmc/inference/stages.h"
#include "lpmc/model/config.h"
#include "lpmc/model/weights.h"

namespace lpmc {

/// What the decoder remembers of the segments in work: keys and values of past tokens a hypothesis,
/// keys and values of the encoder's output a segment (shared by its hypotheses). Reordering
/// hypotheses moves indices, not keys and values. Segments leave when no row continues them, and
/// their memory is used again.
class KvCache {
 public:
  KvCache();
  ~KvCache();
  KvCache(KvCache&&) noexcept;
  KvCache& operator=(KvCache&&) noexcept;

  /// Rows of the last step.
  std::int64_t rows() const;
  /// Bytes held.
  std::size_t size_bytes() const;

 private:
  friend class BartDecoder;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// BART's decoder, one token a step. Weights are packed at construction. Immutable; each decoding
/// has a KvCache of its own.
/// Source: transformers 4.26.1 modeling_bart.py BartDecoder, BartForConditionalGeneration.
class BartDecoder {
 public:
  /// @param arithmetic of the matrix products: f32, bf16 or i8 (ops/linear.h)
  BartDecoder(const ModelConfig& config, const ModelWeights& weights, DType arithmetic = DType::f32);
  ~BartDecoder();
  BartDecoder(BartDecoder&&) noexcept;
  BartDecoder& operator=(BartDecoder&&) noexcept;

  /// Takes in new segments: computes their cross-attention keys and values, once. The next step
  /// names them as parents R, R + 1, ... (see StepFn in generation/generate.h), where R = rows().
  /// @param hidden_states [segments, positions, d_model] float32, from BartEncoder
  void add_segments(KvCache& cache, ConstTensorView hidden_states) const;

  /// One step, with the meaning of generation's StepFn.
  /// @return logits [rows, vocab_size] float32 in memory of `cache`, valid until its next use
  /// @throws Error(invalid_argument) for a parent or token out of range, or a row that would grow
  /// over max_position_embeddings
  TensorView step(KvCache& cache, std::span<const std::int32_t> parents, std::span<const std::int32_t> tokens,
                  const StageFn& on_stage = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lpmc
