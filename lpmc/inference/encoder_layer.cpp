#include "lpmc/inference/encoder_layer.h"

#include <fmt/format.h>

namespace lpmc {
namespace {

void attend_within_items(ConstTensorView qkv, std::span<const std::int64_t> lengths, int heads,
                         EncoderBuffers& buffers, TensorView out) {
  constexpr auto kBytes = static_cast<std::int64_t>(sizeof(float));
  const std::int64_t d = out.size(1);
  buffers.key_values.clear();
  const std::byte* item = qkv.bytes();
  for (const std::int64_t length : lengths) {
    buffers.key_values.insert(
        buffers.key_values.end(), static_cast<std::size_t>(length),
        {.keys = item + d * kBytes, .values = item + 2 * d * kBytes, .count = length, .stride = 3 * d});
    item += length * 3 * d * kBytes;
  }
  attention(qkv, buffers.key_values, {.heads = heads}, out);
}

}  // namespace

EncoderLayer::EncoderLayer(std::string_view name, const EncoderLayerWeights& weights,
                           const EncoderSetup& setup)
    : d_model_(setup.d_model),
      heads_(setup.heads),
      query_key_value_(pack_query_key_value(fmt::format("{}.self_attn", name), weights.self_attn,
                                            setup.d_model, setup.arithmetic)),
      out_(pack_linear(fmt::format("{}.self_attn.out_proj", name), weights.self_attn.out_proj, setup.d_model,
                       setup.d_model, setup.arithmetic)),
      attention_norm_(fmt::format("{}.self_attn_layer_norm", name), weights.self_attn_layer_norm,
                      setup.d_model, setup.epsilon),
      feed_forward_(name, weights.fc1, weights.fc2,
                    LayerNorm(fmt::format("{}.final_layer_norm", name), weights.final_layer_norm,
                              setup.d_model, setup.epsilon),
                    setup.arithmetic) {}

void EncoderLayer::forward(std::span<const std::int64_t> lengths, EncoderBuffers& buffers,
                           TensorView hidden) const {
  const std::int64_t rows = hidden.size(0);
  const TensorView qkv = buffers.query_key_value.rows(rows, 3 * d_model_);
  query_key_value_.forward(hidden, qkv);
  const TensorView attended = buffers.attended.rows(rows, d_model_);
  attend_within_items(qkv, lengths, heads_, buffers, attended);
  const TensorView normed = buffers.normed.rows(rows, d_model_);
  out_.forward(attended, normed, {.residual = hidden});
  attention_norm_.apply(normed);
  feed_forward_.forward(normed, buffers.inner, hidden);
}

}  // namespace lpmc
