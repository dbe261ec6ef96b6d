#include "lpmc/inference/bart_decoder.h"

#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "lpmc/base/error.h"
#include "lpmc/inference/kv_cache.h"
#include "lpmc/inference/layers.h"
#include "lpmc/ops/attention.h"
#include "lpmc/ops/ops.h"

namespace lpmc {
namespace {

struct DecoderLayer {
  PackedLinear query_key_value, self_out;
  LayerNorm self_norm;
  PackedLinear cross_query, cross_key_value, cross_out;
  LayerNorm cross_norm;
  FeedForward feed_forward;

  DecoderLayer(std::string_view name, const DecoderLayerWeights& weights, std::int64_t d, DType arithmetic)
      : query_key_value(
            pack_query_key_value(fmt::format("{}.self_attn", name), weights.self_attn, d, arithmetic)),
        self_out(pack_linear(fmt::format("{}.self_attn.out_proj", name), weights.self_attn.out_proj, d, d,
                             arithmetic)),
        self_norm(fmt::format("{}.self_attn_layer_norm", name), weights.self_attn_layer_norm, d),
        cross_query(pack_linear(fmt::format("{}.encoder_attn.q_proj", name), weights.encoder_attn.q_proj, d,
                                d, arithmetic)),
        cross_key_value(
            pack_key_value(fmt::format("{}.encoder_attn", name), weights.encoder_attn, d, arithmetic)),
        cross_out(pack_linear(fmt::format("{}.encoder_attn.out_proj", name), weights.encoder_attn.out_proj, d,
                              d, arithmetic)),
        cross_norm(fmt::format("{}.encoder_attn_layer_norm", name), weights.encoder_attn_layer_norm, d),
        feed_forward(name, weights.fc1, weights.fc2,
                     LayerNorm(fmt::format("{}.final_layer_norm", name), weights.final_layer_norm, d),
                     arithmetic) {}
};

}  // namespace

struct BartDecoder::Impl {
  CacheSizes sizes;
  int heads = 1;
  PackedLinear output;  // the output layer and, row by row, the token embedding
  Tensor positions;     // [max_positions + kPositionOffset, d_model]
  LayerNorm embedding_norm;
  std::vector<DecoderLayer> layers;

  KvCache::Impl& state_of(std::unique_ptr<KvCache::Impl>& state) const {
    if (!state) state = std::make_unique<KvCache::Impl>(sizes);
    LPMC_REQUIRE(state->sizes == sizes, invalid_argument,
                 "key and value cache: expected that of a decoder of {} layers of {}, found {} of {}",
                 sizes.layers, sizes.d_model, state->sizes.layers, state->sizes.d_model);
    return *state;
  }

  /// out = LayerNorm(hidden + SelfAttention(hidden)); the rows' new keys and values go into the cache.
  void self_attention(std::size_t layer, KvCache::Impl& state, ConstTensorView hidden, TensorView out) const {
    const std::int64_t rows = hidden.size(0);
    const std::int64_t d = sizes.d_model;
    const TensorView qkv = state.buffers.query_key_value.rows(rows, 3 * d);
    layers[layer].query_key_value.forward(hidden, qkv);
    const TensorView attended = state.buffers.attended.rows(rows, d);
    attention_step(qkv, state.past, static_cast<std::int64_t>(layer) * state.tree.layer_stride(),
                   {.heads = heads, .key_values = sizes.key_values}, attended);
    layers[layer].self_out.forward(attended, out, {.residual = hidden});
    layers[layer].self_norm.apply(out);
  }

  /// out = LayerNorm(hidden + CrossAttention(hidden, encoder's output))
  void cross_attention(std::size_t layer, KvCache::Impl& state, ConstTensorView hidden,
                       TensorView out) const {
    const std::int64_t rows = hidden.size(0);
    const TensorView query = state.buffers.query.rows(rows, sizes.d_model);
    layers[layer].cross_query.forward(hidden, query);
    const TensorView attended = state.buffers.attended.rows(rows, sizes.d_model);
    attention(query, state.cross_key_values(static_cast<std::int64_t>(layer)),
              {.heads = heads, .key_values = sizes.key_values}, attended);
    layers[layer].cross_out.forward(attended, out, {.residual = hidden});
    layers[layer].cross_norm.apply(out);
  }
};

BartDecoder::BartDecoder(const ModelConfig& config, const ModelWeights& weights, DType arithmetic)
    : impl_(std::make_unique<Impl>()) {
  Impl& m = *impl_;
  const std::int64_t d = config.d_model;
  const std::int64_t vocab = config.vocab_size;
  m.sizes = {.layers = config.decoder_layers,
             .d_model = d,
             .vocab_size = vocab,
             .max_positions = config.max_position_embeddings,
             .key_values = arithmetic == DType::f32 ? DType::f32 : DType::bf16};
  m.heads = config.decoder_attention_heads;
  require_weight("shared", weights.shared, {vocab, d});
  require_weight("final_logits_bias", weights.final_logits_bias, {1, vocab});
  m.output = PackedLinear(
      std::array{LinearPart{weights.shared, weights.final_logits_bias[0], weights.shared_scale}}, arithmetic);
  require_weight("decoder.embed_positions", weights.decoder_embed_positions,
                 {m.sizes.max_positions + ModelConfig::kPositionOffset, d});
  m.positions = float_copy(weights.decoder_embed_positions);
  m.embedding_norm = LayerNorm("decoder.layernorm_embedding", weights.decoder_layernorm_embedding, d);
  LPMC_REQUIRE(weights.decoder_layers.size() == static_cast<std::size_t>(config.decoder_layers),
               invalid_argument, "decoder.layers: expected {}, found {}", config.decoder_layers,
               weights.decoder_layers.size());
  for (std::size_t i = 0; i < weights.decoder_layers.size(); ++i) {
    m.layers.emplace_back(fmt::format("decoder.layers.{}", i), weights.decoder_layers[i], d, arithmetic);
  }
}

BartDecoder::~BartDecoder() = default;
BartDecoder::BartDecoder(BartDecoder&&) noexcept = default;
BartDecoder& BartDecoder::operator=(BartDecoder&&) noexcept = default;

void BartDecoder::add_segments(KvCache& cache, ConstTensorView hidden_states) const {
  const Impl& m = *impl_;
  LPMC_REQUIRE(hidden_states.shape().rank() == 3 && hidden_states.size(2) == m.sizes.d_model &&
                   hidden_states.size(1) >= 1 && hidden_states.dtype() == DType::f32,
               invalid_argument, "decoder segments: expected float32 [segments, positions, {}], found {} {}",
               m.sizes.d_model, to_string(hidden_states.dtype()), to_string(hidden_states.shape()));
  KvCache::Impl& state = m.state_of(cache.impl_);
  const std::int64_t segments = hidden_states.size(0);
  const std::int64_t positions = hidden_states.size(1);
  std::vector<TensorView> memories;
  for (std::int64_t segment = 0; segment < segments; ++segment)
    memories.push_back(state.add_segment(positions));
  const ConstTensorView rows(hidden_states.bytes(), DType::f32, {segments * positions, m.sizes.d_model});
  Tensor key_values({segments, positions, 2 * m.sizes.d_model});
  const TensorView product(key_values.mutable_data<float>(), DType::f32,
                           {segments * positions, 2 * m.sizes.d_model});
  for (std::size_t layer = 0; layer < m.layers.size(); ++layer) {
    m.layers[layer].cross_key_value.forward(rows, product);
    for (std::int64_t segment = 0; segment < segments; ++segment) {
      write_key_values(key_values.view()[segment],
                       memories[static_cast<std::size_t>(segment)][static_cast<std::int64_t>(layer)]);
    }
  }
}

TensorView BartDecoder::step(KvCache& cache, std::span<const std::int32_t> parents,
                             std::span<const std::int32_t> tokens, const StageFn& on_stage) const {
  const Impl& m = *impl_;
  LPMC_REQUIRE(parents.size() == tokens.size(), invalid_argument,
               "decoder step: expected as many tokens as parents ({}), found {}", parents.size(),
               tokens.size());
  for (const std::int32_t token : tokens) {
    LPMC_REQUIRE(token >= 0 && token < m.sizes.vocab_size, invalid_argument,
                 "decoder step: token: expected 0 to {}, found {}", m.sizes.vocab_size - 1, token);
  }
  KvCache::Impl& state = m.state_of(cache.impl_);
  state.check(parents);
  state.advance(parents);
  const auto rows = static_cast<std::int64_t>(parents.size());
  TensorView hidden = state.buffers.hidden.rows(rows, m.sizes.d_model);
  TensorView other = state.buffers.other.rows(rows, m.sizes.d_model);
  m.output.copy_weight_rows(tokens, hidden);
  add_embedding(m.positions, state.positions, hidden);
  m.embedding_norm.apply(hidden);
  if (on_stage) on_stage("decoder.layernorm_embedding", hidden);
  for (std::size_t layer = 0; layer < m.layers.size(); ++layer) {
    m.self_attention(layer, state, hidden, other);
    m.cross_attention(layer, state, other, hidden);
    m.layers[layer].feed_forward.forward(hidden, state.buffers.inner, other);
    std::swap(hidden, other);
    if (on_stage) on_stage(fmt::format("decoder.layers.{}", layer), hidden);
  }
  const TensorView logits = state.buffers.logits.rows(rows, m.sizes.vocab_size);
  m.output.forward(hidden, logits);
  if (on_stage) on_stage("logits", logits);
  return logits;
}

}  // namespace lpmc
