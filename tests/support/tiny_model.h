#pragma once

// A network small enough for plain loops, and the plain loops: the whole network in double precision,
// without a cache, straight from reference/MODEL.md's formulas.

#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "lpmc/model/config.h"
#include "lpmc/model/weights.h"

#include "tests/support/reference_ops.h"

namespace lpmc::test {

/// 2 + 2 layers; sizes that are no multiples of vector lengths, half a second of sound.
inline ModelConfig tiny_config() {
  ModelConfig config;
  config.d_model = 36;
  config.encoder_layers = 2;
  config.decoder_layers = 2;
  config.encoder_attention_heads = 3;
  config.decoder_attention_heads = 2;
  config.encoder_ffn_dim = 50;
  config.decoder_ffn_dim = 44;
  config.vocab_size = 61;
  config.max_position_embeddings = 20;
  config.mel.n_mels = 10;
  config.duration_s = 0.5;
  config.num_conv = 3;
  return config;
}

struct TinyModel {
  ModelConfig config;
  ModelWeights weights;
  std::vector<Tensor> tensors;  // what `weights` looks at
};

/// Random weights of some size everywhere (biases and norms included), stored as `dtype`.
inline TinyModel tiny_model(std::uint32_t seed, DType dtype = DType::f32,
                            const ModelConfig& config = tiny_config()) {
  TinyModel model;
  model.config = config;
  visit_weights(
      model.weights, config,
      [&](std::string_view name, const Shape& shape, WeightRole role, ConstTensorView& field) {
        if (role == WeightRole::alias) return;
        const bool is_matrix = shape.rank() >= 2;
        const auto fan_in = static_cast<double>(is_matrix ? shape.elements() / shape[0] : 1);
        // Keeps activations near one, and attention far from uniform.
        Tensor values = random_tensor(shape, seed++, is_matrix ? 1.5 / std::sqrt(fan_in) : 0.3);
        const bool is_norm = name.find("norm") != std::string_view::npos;
        if (is_norm && name.ends_with(".weight")) {
          for (float& value : values.mutable_values<float>())
            value += 1.0F;
        }
        model.tensors.push_back(dtype == DType::f32 ? std::move(values) : convert_from_float(values, dtype));
        field = model.tensors.back();
      });
  return model;
}

/// The network of a ModelWeights, in double.
class ReferenceNetwork {
 public:
  ReferenceNetwork(const ModelConfig& config, const ModelWeights& weights)
      : config_(config), weights_(weights) {}

  /// @param log_mel [n_mels, frames]   @return [n_ctx, d_model]
  Matrix audio_encoder(const Matrix& log_mel) const {
    Matrix x(log_mel.columns, log_mel.rows);
    for (std::int64_t t = 0; t < x.rows; ++t) {
      for (std::int64_t mel = 0; mel < x.columns; ++mel)
        x.at(t, mel) = log_mel.at(mel, t);
    }
    x = convolution(x, weights_.conv1, 1);
    for (const ConvWeights& w : weights_.conv_stack)
      x = convolution(x, w, 2);
    return reference_add(std::move(x), to_matrix(weights_.positional_embedding));
  }

  /// @param embeddings [positions, d_model]
  Matrix encoder(const Matrix& embeddings) const {
    Matrix h = norm(reference_add(embeddings, positions(weights_.encoder_embed_positions, embeddings.rows)),
                    weights_.encoder_layernorm_embedding);
    for (const EncoderLayerWeights& layer : weights_.encoder_layers) {
      h = norm(reference_add(h, attention(layer.self_attn, h, h, config_.encoder_attention_heads, false)),
               layer.self_attn_layer_norm);
      h = norm(reference_add(h, linear(reference_gelu(linear(h, layer.fc1)), layer.fc2)),
               layer.final_layer_norm);
    }
    return h;
  }

  /// All positions at once, under a causal mask.   @return logits [tokens, vocab]
  Matrix decoder(std::span<const std::int32_t> tokens, const Matrix& encoded) const {
    const Matrix table = to_matrix(weights_.shared);
    Matrix h(static_cast<std::int64_t>(tokens.size()), table.columns);
    for (std::int64_t t = 0; t < h.rows; ++t) {
      for (std::int64_t c = 0; c < h.columns; ++c)
        h.at(t, c) = table.at(tokens[static_cast<std::size_t>(t)], c);
    }
    h = norm(reference_add(h, positions(weights_.decoder_embed_positions, h.rows)),
             weights_.decoder_layernorm_embedding);
    for (const DecoderLayerWeights& layer : weights_.decoder_layers) {
      const int heads = config_.decoder_attention_heads;
      h = norm(reference_add(h, attention(layer.self_attn, h, h, heads, true)), layer.self_attn_layer_norm);
      h = norm(reference_add(h, attention(layer.encoder_attn, h, encoded, heads, false)),
               layer.encoder_attn_layer_norm);
      h = norm(reference_add(h, linear(reference_gelu(linear(h, layer.fc1)), layer.fc2)),
               layer.final_layer_norm);
    }
    return reference_linear(h, table, to_matrix(weights_.final_logits_bias).values);
  }

 private:
  static Matrix linear(const Matrix& x, const LinearWeights& w) {
    return reference_linear(x, to_matrix(w.weight), to_matrix(w.bias).values);
  }

  static Matrix norm(Matrix x, const LayerNormWeights& w) {
    return reference_layer_norm(std::move(x), to_matrix(w.weight), to_matrix(w.bias), 1e-5);
  }

  static Matrix convolution(const Matrix& x, const ConvWeights& w, std::int64_t stride) {
    return reference_gelu(reference_conv1d(x, to_matrix(w.weight), to_matrix(w.bias).values, stride));
  }

  static Matrix positions(ConstTensorView table, std::int64_t count) {
    const Matrix all = to_matrix(table);
    Matrix some(count, all.columns);
    for (std::int64_t t = 0; t < count; ++t) {
      for (std::int64_t c = 0; c < all.columns; ++c)
        some.at(t, c) = all.at(t + ModelConfig::kPositionOffset, c);
    }
    return some;
  }

  static Matrix first_rows(const Matrix& x, std::int64_t count) {
    Matrix y(count, x.columns);
    std::copy_n(x.values.begin(), y.values.size(), y.values.begin());
    return y;
  }

  static Matrix attention(const AttentionWeights& w, const Matrix& x, const Matrix& memory, int heads,
                          bool causal) {
    const Matrix q = linear(x, w.q_proj);
    const Matrix k = linear(memory, w.k_proj);
    const Matrix v = linear(memory, w.v_proj);
    Matrix attended(x.rows, x.columns);
    for (std::int64_t t = 0; t < x.rows; ++t) {
      const std::int64_t seen = causal ? t + 1 : memory.rows;
      const std::span<const double> query(q.values.data() + t * q.columns,
                                          static_cast<std::size_t>(q.columns));
      const std::vector<double> row =
          reference_attention(query, first_rows(k, seen), first_rows(v, seen), heads);
      for (std::int64_t c = 0; c < x.columns; ++c)
        attended.at(t, c) = row[static_cast<std::size_t>(c)];
    }
    return linear(attended, w.out_proj);
  }

  const ModelConfig& config_;
  const ModelWeights& weights_;
};

}  // namespace lpmc::test
