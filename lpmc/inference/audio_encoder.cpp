#include "lpmc/inference/audio_encoder.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "lpmc/base/error.h"
#include "lpmc/inference/layers.h"
#include "lpmc/ops/conv1d.h"
#include "lpmc/ops/ops.h"

namespace lpmc {
namespace {

PackedConv1d pack_convolution(std::string_view name, const ConvWeights& weights, const Shape& shape,
                              std::int64_t stride, DType arithmetic) {
  require_weight(fmt::format("{}.weight", name), weights.weight, shape);
  require_weight(fmt::format("{}.bias", name), weights.bias, {shape[0]});
  return {LinearPart{weights.weight, weights.bias, weights.scale}, stride, arithmetic};
}

Tensor swapped(ConstTensorView x) {
  Tensor y({x.size(0), x.size(2), x.size(1)});
  transpose(x, y);
  return y;
}

}  // namespace

struct AudioEncoder::Impl {
  std::int64_t n_mels = 0;
  std::int64_t frames = 0;
  std::vector<PackedConv1d> convolutions;
  Tensor positions;  // [n_ctx, d_model]
};

AudioEncoder::AudioEncoder(const ModelConfig& config, const ModelWeights& weights, DType arithmetic)
    : impl_(std::make_unique<Impl>()) {
  constexpr std::int64_t kTaps = PackedConv1d::kTaps;
  const std::int64_t d = config.d_model;
  Impl& m = *impl_;
  m.n_mels = config.mel.n_mels;
  m.frames = num_frames(config.segment_samples(), config.mel);
  LPMC_REQUIRE(weights.conv_stack.size() + 1 == static_cast<std::size_t>(config.num_conv), invalid_argument,
               "conv_stack: expected {} convolutions, found {}", config.num_conv - 1,
               weights.conv_stack.size());
  m.convolutions.push_back(pack_convolution("conv1", weights.conv1, {d, m.n_mels, kTaps}, 1, arithmetic));
  for (std::size_t i = 0; i < weights.conv_stack.size(); ++i) {
    m.convolutions.push_back(pack_convolution(fmt::format("conv_stack.{}", i), weights.conv_stack[i],
                                              {d, d, kTaps}, 2, arithmetic));
  }
  require_weight("positional_embedding", weights.positional_embedding, {config.n_ctx(), d});
  m.positions = float_copy(weights.positional_embedding);
}

AudioEncoder::~AudioEncoder() = default;
AudioEncoder::AudioEncoder(AudioEncoder&&) noexcept = default;
AudioEncoder& AudioEncoder::operator=(AudioEncoder&&) noexcept = default;

Tensor AudioEncoder::forward(ConstTensorView log_mel, const StageFn& on_stage) const {
  const Impl& m = *impl_;
  LPMC_REQUIRE(log_mel.shape().rank() == 3 && log_mel.size(1) == m.n_mels && log_mel.size(2) == m.frames &&
                   log_mel.dtype() == DType::f32,
               invalid_argument, "log_mel: expected float32 [batch, {}, {}], found {} {}", m.n_mels, m.frames,
               to_string(log_mel.dtype()), to_string(log_mel.shape()));
  const std::int64_t batch = log_mel.size(0);
  Tensor x = swapped(log_mel);
  for (std::size_t i = 0; i < m.convolutions.size(); ++i) {
    const PackedConv1d& convolution = m.convolutions[i];
    Tensor y({batch, convolution.out_length(x.size(1)), convolution.out_channels()});
    convolution.forward(x, y, !on_stage);
    if (on_stage) {
      on_stage(i == 0 ? "conv1" : fmt::format("conv_stack.{}", i - 1), swapped(y));
      gelu(y, y);
    }
    x = std::move(y);
  }
  LPMC_REQUIRE(x.size(1) == m.positions.size(0), invalid_argument,
               "positional_embedding: expected {} positions, found {}", x.size(1), m.positions.size(0));
  for (std::int64_t item = 0; item < batch; ++item) {
    const TensorView hidden = x.mutable_view()[item];
    add(hidden, m.positions, hidden);
  }
  if (on_stage) on_stage("audio_emb", x);
  return x;
}

}  // namespace lpmc
