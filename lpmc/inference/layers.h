#pragma once

// Private to inference: what the encoder's and the decoder's layers are made of.

#include <cstdint>
#include <string_view>

#include "lpmc/model/weights.h"
#include "lpmc/ops/linear.h"
#include "lpmc/tensor/tensor.h"

namespace lpmc {

/// torch.nn.LayerNorm's default, which BART uses throughout.
inline constexpr float kLayerNormEpsilon = 1e-5F;

/// @throws Error(invalid_argument) naming the weight, the expected and the found shape
void require_weight(std::string_view name, ConstTensorView weight, const Shape& expected);

/// `weight` as float32 in memory of its own.
Tensor float_copy(ConstTensorView weight);

class LayerNorm {
 public:
  LayerNorm() = default;
  LayerNorm(std::string_view name, const LayerNormWeights& weights, std::int64_t d_model,
            float epsilon = kLayerNormEpsilon);

  /// In place, over the last dimension.
  void apply(TensorView hidden) const;

  std::int64_t d_model() const { return weight_.elements(); }

 private:
  Tensor weight_, bias_;
  float epsilon_ = kLayerNormEpsilon;
};

PackedLinear pack_linear(std::string_view name, const LinearWeights& weights, std::int64_t out,
                         std::int64_t in, DType arithmetic);
/// Query, key and value in one product: [rows, 3 d_model], in this order.
PackedLinear pack_query_key_value(std::string_view name, const AttentionWeights& weights,
                                  std::int64_t d_model, DType arithmetic);
/// Key and value in one product: [rows, 2 d_model].
PackedLinear pack_key_value(std::string_view name, const AttentionWeights& weights, std::int64_t d_model,
                            DType arithmetic);

/// Scratch of some rows, kept from call to call; grows, never shrinks.
class RowBuffer {
 public:
  /// [rows, width] float32; what was there is lost when it has to grow.
  TensorView rows(std::int64_t count, std::int64_t width);
  std::size_t size_bytes() const { return memory_.view().size_bytes(); }

 private:
  Tensor memory_;
};

/// fc2(GELU(fc1 h)) with its residual and post-norm.
class FeedForward {
 public:
  FeedForward() = default;
  FeedForward(std::string_view name, const LinearWeights& fc1, const LinearWeights& fc2, LayerNorm norm,
              DType arithmetic);

  /// out = LayerNorm(hidden + fc2(GELU(fc1 hidden))).   @param hidden, out [rows, d_model], apart
  void forward(ConstTensorView hidden, RowBuffer& scratch, TensorView out) const;

 private:
  PackedLinear fc1_, fc2_;
  LayerNorm norm_;
};

}  // namespace lpmc
