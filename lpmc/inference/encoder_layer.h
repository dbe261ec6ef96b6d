#pragma once

// Private to inference: one layer of a post-norm encoder, BART's and RoBERTa's alike.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lpmc/inference/layers.h"
#include "lpmc/model/weights.h"
#include "lpmc/ops/attention.h"

namespace lpmc {

/// What all layers of an encoder have in common.
struct EncoderSetup {
  std::int64_t d_model = 0;
  int heads = 1;
  float epsilon = kLayerNormEpsilon;
  DType arithmetic = DType::f32;
};

/// Scratch of one forward call.
struct EncoderBuffers {
  RowBuffer query_key_value, attended, normed, inner;
  std::vector<ContiguousKeyValues> key_values;
};

/// h = LayerNorm(h + Attention(h)), then h = LayerNorm(h + fc2(GELU(fc1 h))).
class EncoderLayer {
 public:
  EncoderLayer(std::string_view name, const EncoderLayerWeights& weights, const EncoderSetup& setup);

  /// Every position of an item looks at all positions of that item, and at nothing else.
  /// @param hidden [rows, d_model], replaced by the layer's output: the items one after the other
  /// @param lengths positions of each item; their sum is rows
  void forward(std::span<const std::int64_t> lengths, EncoderBuffers& buffers, TensorView hidden) const;

 private:
  std::int64_t d_model_;
  int heads_;
  PackedLinear query_key_value_;
  PackedLinear out_;
  LayerNorm attention_norm_;
  FeedForward feed_forward_;
};

}  // namespace lpmc
