#pragma once

// The definition of visit_weights; included by weights.h.

#include "lpmc/model/weights.h"

namespace lpmc {
namespace detail {

/// Builds names and shapes while walking; `visit` is the caller's visitor.
template <class Visitor>
class WeightWalk {
 public:
  WeightWalk(const ModelConfig& config, Visitor& visit) : config_(config), visit_(visit) {}

  void tensor(const std::string& name, const Shape& shape, ConstTensorView& field,
              WeightRole role = WeightRole::parameter) {
    visit_(std::string_view(name), shape, role, field);
  }

  /// A matrix, and its scale where the field holds int8 once the matrix has been visited.
  void matrix(const std::string& name, const Shape& shape, ConstTensorView& field, ConstTensorView& scale) {
    tensor(name, shape, field, WeightRole::matrix);
    if (field.dtype() == DType::i8) {
      tensor(name + std::string(kScaleSuffix), {shape[0]}, scale, WeightRole::scale);
    }
  }

  void linear(const std::string& name, std::int64_t out, std::int64_t in, LinearWeights& w) {
    matrix(name + ".weight", {out, in}, w.weight, w.scale);
    tensor(name + ".bias", {out}, w.bias);
  }

  void layer_norm(const std::string& name, LayerNormWeights& w) {
    tensor(name + ".weight", {config_.d_model}, w.weight);
    tensor(name + ".bias", {config_.d_model}, w.bias);
  }

  void attention(const std::string& name, AttentionWeights& w) {
    const std::int64_t d = config_.d_model;
    linear(name + ".k_proj", d, d, w.k_proj);
    linear(name + ".v_proj", d, d, w.v_proj);
    linear(name + ".q_proj", d, d, w.q_proj);
    linear(name + ".out_proj", d, d, w.out_proj);
  }

  template <class Layer>
  void feed_forward(const std::string& name, std::int64_t ffn_dim, Layer& layer) {
    linear(name + "fc1", ffn_dim, config_.d_model, layer.fc1);
    linear(name + "fc2", config_.d_model, ffn_dim, layer.fc2);
    layer_norm(name + "final_layer_norm", layer.final_layer_norm);
  }

  void encoder_layer(const std::string& name, EncoderLayerWeights& layer) {
    attention(name + "self_attn", layer.self_attn);
    layer_norm(name + "self_attn_layer_norm", layer.self_attn_layer_norm);
    feed_forward(name, config_.encoder_ffn_dim, layer);
  }

  void decoder_layer(const std::string& name, DecoderLayerWeights& layer) {
    attention(name + "self_attn", layer.self_attn);
    layer_norm(name + "self_attn_layer_norm", layer.self_attn_layer_norm);
    attention(name + "encoder_attn", layer.encoder_attn);
    layer_norm(name + "encoder_attn_layer_norm", layer.encoder_attn_layer_norm);
    feed_forward(name, config_.decoder_ffn_dim, layer);
  }

  void bart(ModelWeights& w) {
    const Shape embedding{config_.vocab_size, config_.d_model};
    const Shape positions{config_.max_position_embeddings + ModelConfig::kPositionOffset, config_.d_model};
    tensor("bart.final_logits_bias", {1, config_.vocab_size}, w.final_logits_bias, WeightRole::buffer);
    matrix("bart.model.shared.weight", embedding, w.shared, w.shared_scale);
    tensor("bart.model.encoder.embed_tokens.weight", embedding, w.shared, WeightRole::alias);
    tensor("bart.model.encoder.embed_positions.weight", positions, w.encoder_embed_positions);
    for (std::size_t i = 0; i < w.encoder_layers.size(); ++i) {
      encoder_layer(fmt::format("bart.model.encoder.layers.{}.", i), w.encoder_layers[i]);
    }
    layer_norm("bart.model.encoder.layernorm_embedding", w.encoder_layernorm_embedding);
    tensor("bart.model.decoder.embed_tokens.weight", embedding, w.shared, WeightRole::alias);
    tensor("bart.model.decoder.embed_positions.weight", positions, w.decoder_embed_positions);
    for (std::size_t i = 0; i < w.decoder_layers.size(); ++i) {
      decoder_layer(fmt::format("bart.model.decoder.layers.{}.", i), w.decoder_layers[i]);
    }
    layer_norm("bart.model.decoder.layernorm_embedding", w.decoder_layernorm_embedding);
    tensor("bart.lm_head.weight", embedding, w.shared, WeightRole::alias);
  }

  void audio_encoder(ModelWeights& w) {
    const std::int64_t d = config_.d_model;
    tensor("audio_encoder.positional_embedding", {config_.n_ctx(), d}, w.positional_embedding,
           WeightRole::computed_buffer);
    tensor("audio_encoder.mel_encoder.spec_fn.window", {config_.mel.n_fft}, w.mel_window,
           WeightRole::computed_buffer);
    tensor("audio_encoder.mel_encoder.mel_scale.fb", {config_.mel.n_fft / 2 + 1, config_.mel.n_mels},
           w.mel_filterbank, WeightRole::computed_buffer);
    convolution("audio_encoder.conv1", config_.mel.n_mels, w.conv1);
    for (std::size_t i = 0; i < w.conv_stack.size(); ++i) {
      convolution(fmt::format("audio_encoder.conv_stack.{}", i), d, w.conv_stack[i]);
    }
  }

 private:
  void convolution(const std::string& name, std::int64_t in, ConvWeights& w) {
    constexpr std::int64_t kKernel = 3;
    matrix(name + ".weight", {config_.d_model, in, kKernel}, w.weight, w.scale);
    tensor(name + ".bias", {config_.d_model}, w.bias);
  }

  const ModelConfig& config_;
  Visitor& visit_;
};

}  // namespace detail

template <class Visitor>
void visit_weights(ModelWeights& weights, const ModelConfig& config, Visitor&& visit) {
  weights.encoder_layers.resize(static_cast<std::size_t>(config.encoder_layers));
  weights.decoder_layers.resize(static_cast<std::size_t>(config.decoder_layers));
  weights.conv_stack.resize(static_cast<std::size_t>(config.num_conv - 1));
  detail::WeightWalk walk(config, visit);
  walk.bart(weights);
  walk.audio_encoder(weights);
}

}  // namespace lpmc
