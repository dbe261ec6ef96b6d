#include "lpmc/inference/bart_encoder.h"

#include <vector>

#include <fmt/format.h>

#include "lpmc/base/error.h"
#include "lpmc/inference/encoder_layer.h"
#include "lpmc/ops/ops.h"

namespace lpmc {

struct BartEncoder::Impl {
  std::int64_t d_model = 0;
  std::int64_t max_positions = 0;
  Tensor positions;  // [max_positions + kPositionOffset, d_model]
  LayerNorm embedding_norm;
  std::vector<EncoderLayer> layers;
};

BartEncoder::BartEncoder(const ModelConfig& config, const ModelWeights& weights, DType arithmetic)
    : impl_(std::make_unique<Impl>()) {
  Impl& m = *impl_;
  m.d_model = config.d_model;
  m.max_positions = config.max_position_embeddings;
  const EncoderSetup setup{
      .d_model = m.d_model, .heads = config.encoder_attention_heads, .arithmetic = arithmetic};
  require_weight("encoder.embed_positions", weights.encoder_embed_positions,
                 {m.max_positions + ModelConfig::kPositionOffset, m.d_model});
  m.positions = float_copy(weights.encoder_embed_positions);
  m.embedding_norm = LayerNorm("encoder.layernorm_embedding", weights.encoder_layernorm_embedding, m.d_model);
  LPMC_REQUIRE(weights.encoder_layers.size() == static_cast<std::size_t>(config.encoder_layers),
               invalid_argument, "encoder.layers: expected {}, found {}", config.encoder_layers,
               weights.encoder_layers.size());
  for (std::size_t i = 0; i < weights.encoder_layers.size(); ++i) {
    m.layers.emplace_back(fmt::format("encoder.layers.{}", i), weights.encoder_layers[i], setup);
  }
}

BartEncoder::~BartEncoder() = default;
BartEncoder::BartEncoder(BartEncoder&&) noexcept = default;
BartEncoder& BartEncoder::operator=(BartEncoder&&) noexcept = default;

Tensor BartEncoder::forward(ConstTensorView embeddings, const StageFn& on_stage) const {
  const Impl& m = *impl_;
  LPMC_REQUIRE(
      embeddings.shape().rank() == 3 && embeddings.size(2) == m.d_model && embeddings.dtype() == DType::f32,
      invalid_argument, "encoder embeddings: expected float32 [batch, positions, {}], found {} {}", m.d_model,
      to_string(embeddings.dtype()), to_string(embeddings.shape()));
  const std::int64_t batch = embeddings.size(0);
  const std::int64_t per_item = embeddings.size(1);
  LPMC_REQUIRE(per_item >= 1 && per_item <= m.max_positions, invalid_argument,
               "encoder embeddings: expected 1 to {} positions, found {}", m.max_positions, per_item);
  Tensor output(embeddings.shape());
  const ConstTensorView positions(m.positions.data<float>() + ModelConfig::kPositionOffset * m.d_model,
                                  DType::f32, {per_item, m.d_model});
  for (std::int64_t item = 0; item < batch; ++item) {
    add(embeddings[item], positions, output.mutable_view()[item]);
  }
  m.embedding_norm.apply(output);
  if (on_stage) on_stage("encoder.layernorm_embedding", output);
  const TensorView hidden(output.mutable_data<float>(), DType::f32, {batch * per_item, m.d_model});
  const std::vector<std::int64_t> lengths(static_cast<std::size_t>(batch), per_item);
  EncoderBuffers buffers;
  for (std::size_t i = 0; i < m.layers.size(); ++i) {
    m.layers[i].forward(lengths, buffers, hidden);
    if (on_stage) on_stage(fmt::format("encoder.layers.{}", i), output);
  }
  return output;
}

}  // namespace lpmc
