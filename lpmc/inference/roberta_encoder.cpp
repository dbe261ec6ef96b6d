#include "lpmc/inference/roberta_encoder.h"

#include <fmt/format.h>

#include "lpmc/base/error.h"
#include "lpmc/inference/encoder_layer.h"
#include "lpmc/ops/ops.h"

namespace lpmc {
namespace {

/// All sequences of a call, one after the other.
struct Rows {
  std::vector<std::int32_t> tokens, positions;
  std::vector<std::int64_t> lengths;
};

}  // namespace

struct RobertaEncoder::Impl {
  std::int64_t width = 0;
  std::int64_t max_tokens = 0;
  std::int32_t pad = 1;
  Tensor words;      // [vocab_size, width]
  Tensor positions;  // [max_position_embeddings, width], the one token type there is added
  LayerNorm embedding_norm;
  std::vector<EncoderLayer> layers;

  Rows lay_out(std::span<const std::vector<std::int32_t>> sequences) const {
    Rows rows;
    for (const std::vector<std::int32_t>& sequence : sequences) {
      const auto length = static_cast<std::int64_t>(sequence.size());
      LPMC_REQUIRE(length >= 1 && length <= max_tokens, invalid_argument,
                   "RoBERTa: expected sequences of 1 to {} tokens, found {}", max_tokens, length);
      rows.lengths.push_back(length);
      std::int32_t position = pad;
      for (const std::int32_t token : sequence) {
        rows.tokens.push_back(token);
        rows.positions.push_back(token == pad ? pad : ++position);
      }
    }
    return rows;
  }
};

RobertaEncoder::RobertaEncoder(const RobertaModel& model, DType arithmetic)
    : impl_(std::make_unique<Impl>()) {
  Impl& m = *impl_;
  const RobertaConfig& config = model.config;
  const RobertaWeights& weights = model.weights;
  m.width = config.hidden_size;
  m.max_tokens = config.max_tokens();
  m.pad = config.pad_token_id;
  m.words = float_copy(weights.word_embeddings);
  m.positions = float_copy(weights.position_embeddings);
  const Tensor types = float_copy(weights.token_type_embeddings);
  for (std::int64_t i = 0; i < m.positions.size(0); ++i) {
    const TensorView row = m.positions.mutable_view()[i];
    add(row, types.view()[0], row);
  }
  m.embedding_norm = LayerNorm("embeddings.LayerNorm", weights.embedding_norm, m.width,
                               static_cast<float>(config.layer_norm_eps));
  weights.give_back_pages();
  const EncoderSetup setup{.d_model = m.width,
                           .heads = config.num_attention_heads,
                           .epsilon = static_cast<float>(config.layer_norm_eps),
                           .arithmetic = arithmetic};
  for (std::size_t i = 0; i < weights.layers.size(); ++i) {
    m.layers.emplace_back(fmt::format("encoder.layer.{}", i), weights.layers[i], setup);
    weights.give_back_pages();
  }
}

RobertaEncoder::~RobertaEncoder() = default;
RobertaEncoder::RobertaEncoder(RobertaEncoder&&) noexcept = default;
RobertaEncoder& RobertaEncoder::operator=(RobertaEncoder&&) noexcept = default;

std::int64_t RobertaEncoder::width() const {
  return impl_->width;
}

std::int64_t RobertaEncoder::max_tokens() const {
  return impl_->max_tokens;
}

Tensor RobertaEncoder::forward(std::span<const std::vector<std::int32_t>> sequences,
                               const StageFn& on_stage) const {
  const Impl& m = *impl_;
  const Rows rows = m.lay_out(sequences);
  Tensor hidden({static_cast<std::int64_t>(rows.tokens.size()), m.width});
  embedding(m.words, rows.tokens, hidden);
  add_embedding(m.positions, rows.positions, hidden);
  m.embedding_norm.apply(hidden);
  if (on_stage) on_stage("embeddings", hidden);
  EncoderBuffers buffers;
  for (std::size_t i = 0; i < m.layers.size(); ++i) {
    m.layers[i].forward(rows.lengths, buffers, hidden);
    if (on_stage) on_stage(fmt::format("encoder.layer.{}", i), hidden);
  }
  return hidden;
}

}  // namespace lpmc
