#include "lpmc/inference/bart_encoder.h"

#include <vector>

#include <fmt/format.h>

#include "lpmc/base/error.h"
#include "lpmc/inference/layers.h"
#include "lpmc/ops/attention.h"
#include "lpmc/ops/ops.h"

namespace lpmc {
namespace {

struct EncoderLayer {
  PackedLinear query_key_value;
  PackedLinear out;
  LayerNorm attention_norm;
  FeedForward feed_forward;

  EncoderLayer(std::string_view name, const EncoderLayerWeights& weights, std::int64_t d, DType arithmetic)
      : query_key_value(
            pack_query_key_value(fmt::format("{}.self_attn", name), weights.self_attn, d, arithmetic)),
        out(pack_linear(fmt::format("{}.self_attn.out_proj", name), weights.self_attn.out_proj, d, d,
                        arithmetic)),
        attention_norm(fmt::format("{}.self_attn_layer_norm", name), weights.self_attn_layer_norm, d),
        feed_forward(name, weights.fc1, weights.fc2, weights.final_layer_norm, d, arithmetic) {}
};

/// Scratch of one forward call.
struct Buffers {
  RowBuffer query_key_value, attended, normed, inner;
  std::vector<ContiguousKeyValues> key_values;
};

/// Every position of an item looks at all positions of that item.
void attend_within_items(ConstTensorView qkv, std::int64_t positions, int heads, Buffers& buffers,
                         TensorView out) {
  constexpr auto kBytes = static_cast<std::int64_t>(sizeof(float));
  const std::int64_t d = out.size(1);
  buffers.key_values.resize(static_cast<std::size_t>(out.size(0)));
  for (std::size_t row = 0; row < buffers.key_values.size(); ++row) {
    const std::int64_t first = static_cast<std::int64_t>(row) / positions * positions;
    const std::byte* item = qkv.bytes() + first * 3 * d * kBytes;
    buffers.key_values[row] = {
        .keys = item + d * kBytes, .values = item + 2 * d * kBytes, .count = positions, .stride = 3 * d};
  }
  attention(qkv, buffers.key_values, {.heads = heads}, out);
}

}  // namespace

struct BartEncoder::Impl {
  std::int64_t d_model = 0;
  std::int64_t max_positions = 0;
  int heads = 1;
  Tensor positions;  // [max_positions + kPositionOffset, d_model]
  LayerNorm embedding_norm;
  std::vector<EncoderLayer> layers;

  /// @param hidden [rows, d_model], replaced by the layer's output
  void layer_forward(const EncoderLayer& layer, std::int64_t per_item, Buffers& buffers,
                     TensorView hidden) const {
    const std::int64_t rows = hidden.size(0);
    const TensorView qkv = buffers.query_key_value.rows(rows, 3 * d_model);
    layer.query_key_value.forward(hidden, qkv);
    const TensorView attended = buffers.attended.rows(rows, d_model);
    attend_within_items(qkv, per_item, heads, buffers, attended);
    const TensorView normed = buffers.normed.rows(rows, d_model);
    layer.out.forward(attended, normed, {.residual = hidden});
    layer.attention_norm.apply(normed);
    layer.feed_forward.forward(normed, buffers.inner, hidden);
  }
};

BartEncoder::BartEncoder(const ModelConfig& config, const ModelWeights& weights, DType arithmetic)
    : impl_(std::make_unique<Impl>()) {
  Impl& m = *impl_;
  m.d_model = config.d_model;
  m.max_positions = config.max_position_embeddings;
  m.heads = config.encoder_attention_heads;
  require_weight("encoder.embed_positions", weights.encoder_embed_positions,
                 {m.max_positions + ModelConfig::kPositionOffset, m.d_model});
  m.positions = float_copy(weights.encoder_embed_positions);
  m.embedding_norm = LayerNorm("encoder.layernorm_embedding", weights.encoder_layernorm_embedding, m.d_model);
  LPMC_REQUIRE(weights.encoder_layers.size() == static_cast<std::size_t>(config.encoder_layers),
               invalid_argument, "encoder.layers: expected {}, found {}", config.encoder_layers,
               weights.encoder_layers.size());
  for (std::size_t i = 0; i < weights.encoder_layers.size(); ++i) {
    m.layers.emplace_back(fmt::format("encoder.layers.{}", i), weights.encoder_layers[i], m.d_model,
                          arithmetic);
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
  Buffers buffers;
  for (std::size_t i = 0; i < m.layers.size(); ++i) {
    m.layer_forward(m.layers[i], per_item, buffers, hidden);
    if (on_stage) on_stage(fmt::format("encoder.layers.{}", i), output);
  }
  return output;
}

}  // namespace lpmc
