#include "lpmc/inference/layers.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "lpmc/base/error.h"
#include "lpmc/ops/ops.h"

namespace lpmc {
namespace {

LinearPart part(std::string_view name, const LinearWeights& weights, std::int64_t out, std::int64_t in) {
  require_weight(fmt::format("{}.weight", name), weights.weight, {out, in});
  require_weight(fmt::format("{}.bias", name), weights.bias, {out});
  return {weights.weight, weights.bias, weights.scale};
}

}  // namespace

void require_weight(std::string_view name, ConstTensorView weight, const Shape& expected) {
  LPMC_REQUIRE(!weight.is_null() && weight.shape() == expected, invalid_argument, "{}: expected {}, found {}",
               name, to_string(expected), weight.is_null() ? "nothing" : to_string(weight.shape()));
}

Tensor float_copy(ConstTensorView weight) {
  Tensor copy(weight.shape());
  convert_to_float(weight, copy);
  return copy;
}

LayerNorm::LayerNorm(std::string_view name, const LayerNormWeights& weights, std::int64_t d_model,
                     float epsilon)
    : epsilon_(epsilon) {
  require_weight(fmt::format("{}.weight", name), weights.weight, {d_model});
  require_weight(fmt::format("{}.bias", name), weights.bias, {d_model});
  weight_ = float_copy(weights.weight);
  bias_ = float_copy(weights.bias);
}

void LayerNorm::apply(TensorView hidden) const {
  layer_norm(hidden, weight_, bias_, epsilon_, hidden);
}

PackedLinear pack_linear(std::string_view name, const LinearWeights& weights, std::int64_t out,
                         std::int64_t in, DType arithmetic) {
  return PackedLinear(std::array{part(name, weights, out, in)}, arithmetic);
}

PackedLinear pack_query_key_value(std::string_view name, const AttentionWeights& weights,
                                  std::int64_t d_model, DType arithmetic) {
  return PackedLinear(std::array{part(fmt::format("{}.q_proj", name), weights.q_proj, d_model, d_model),
                                 part(fmt::format("{}.k_proj", name), weights.k_proj, d_model, d_model),
                                 part(fmt::format("{}.v_proj", name), weights.v_proj, d_model, d_model)},
                      arithmetic);
}

PackedLinear pack_key_value(std::string_view name, const AttentionWeights& weights, std::int64_t d_model,
                            DType arithmetic) {
  return PackedLinear(std::array{part(fmt::format("{}.k_proj", name), weights.k_proj, d_model, d_model),
                                 part(fmt::format("{}.v_proj", name), weights.v_proj, d_model, d_model)},
                      arithmetic);
}

TensorView RowBuffer::rows(std::int64_t count, std::int64_t width) {
  const std::int64_t elements = count * width;
  if (elements > memory_.elements()) {
    // Half as much again, so that a batch that grows row by row does not allocate at every step; the
    // old memory goes first, so that there are never both.
    const std::int64_t grown = memory_.elements() + memory_.elements() / 2;
    memory_ = Tensor();
    memory_ = Tensor({std::max(elements, grown)});
  } else if (memory_.view().is_null()) {
    memory_ = Tensor({0});
  }
  return {memory_.mutable_data<float>(), DType::f32, {count, width}};
}

FeedForward::FeedForward(std::string_view name, const LinearWeights& fc1, const LinearWeights& fc2,
                         LayerNorm norm, DType arithmetic)
    : norm_(std::move(norm)) {
  const std::int64_t d_model = norm_.d_model();
  const std::int64_t width = fc1.bias.elements();
  fc1_ = pack_linear(fmt::format("{}.fc1", name), fc1, width, d_model, arithmetic);
  fc2_ = pack_linear(fmt::format("{}.fc2", name), fc2, d_model, width, arithmetic);
}

void FeedForward::forward(ConstTensorView hidden, RowBuffer& scratch, TensorView out) const {
  const TensorView inner = scratch.rows(hidden.size(0), fc1_.out_features());
  fc1_.forward(hidden, inner, {.gelu = true});
  fc2_.forward(inner, out, {.residual = hidden});
  norm_.apply(out);
}

}  // namespace lpmc
