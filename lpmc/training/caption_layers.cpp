#include "lpmc/training/caption_layers.h"

#include <cmath>
#include <string>
#include <utility>

namespace lpmc {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

constexpr double kLayerNormEps = 1e-5;

class Gelu : public torch::autograd::Function<Gelu> {
 public:
  static Variable forward(AutogradContext* ctx, const Variable& x) {
    const torch::Tensor input = x.contiguous();
    ctx->save_for_backward({input});
    return at::gelu(input);
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    return {at::gelu_backward(grads[0].contiguous(), ctx->get_saved_variables()[0])};
  }
};

}  // namespace

torch::Tensor exact_gelu(const torch::Tensor& x) {
  return Gelu::apply(x);
}

torch::Tensor RowLayout::to_padded(const torch::Tensor& rows) const {
  const std::int64_t width = rows.size(1);
  if (!positions.defined()) return rows.view({batch, length, width});
  return torch::zeros({batch * length, width}, rows.options())
      .index_copy(0, positions, rows)
      .view({batch, length, width});
}

torch::Tensor RowLayout::to_rows(const torch::Tensor& padded) const {
  const torch::Tensor flat = padded.reshape({batch * length, padded.size(2)});
  return positions.defined() ? flat.index_select(0, positions) : flat;
}

WeightAndBias::WeightAndBias(at::IntArrayRef weight_shape, std::int64_t bias_size)
    : weight_(register_parameter("weight", torch::zeros(weight_shape))),
      bias_(register_parameter("bias", torch::zeros({bias_size}))) {}

torch::Tensor LayerNorm::forward(const torch::Tensor& x) const {
  return torch::layer_norm(x, weight_.sizes(), weight_, bias_, kLayerNormEps);
}

torch::Tensor Convolution::forward(const torch::Tensor& x) const {
  return torch::conv1d(x, weight_, bias_, stride_, /*padding=*/1);
}

Attention::Attention(std::int64_t width, std::int64_t heads, double dropout)
    : heads_(heads),
      dropout_(dropout),
      k_proj_(register_module("k_proj", std::make_shared<Linear>(width, width))),
      v_proj_(register_module("v_proj", std::make_shared<Linear>(width, width))),
      q_proj_(register_module("q_proj", std::make_shared<Linear>(width, width))),
      out_proj_(register_module("out_proj", std::make_shared<Linear>(width, width))) {}

torch::Tensor Attention::split_heads(const torch::Tensor& rows, const RowLayout& layout) const {
  const std::int64_t head_dim = rows.size(1) / heads_;
  return layout.to_padded(rows)
      .view({layout.batch, layout.length, heads_, head_dim})
      .transpose(1, 2)
      .reshape({layout.batch * heads_, layout.length, head_dim});
}

torch::Tensor Attention::forward(const torch::Tensor& rows, const RowLayout& layout,
                                 const AttentionMemory& memory) {
  const std::int64_t width = rows.size(1);
  const double scale = 1.0 / std::sqrt(static_cast<double>(width / heads_));
  const torch::Tensor q = split_heads(q_proj_->forward(rows) * scale, layout);
  const torch::Tensor k = split_heads(k_proj_->forward(memory.rows), memory.layout);
  const torch::Tensor v = split_heads(v_proj_->forward(memory.rows), memory.layout);
  torch::Tensor scores = torch::bmm(q, k.transpose(1, 2));
  if (memory.mask.defined()) {
    scores = scores.view({layout.batch, heads_, layout.length, memory.layout.length}) + memory.mask;
    scores = scores.view({layout.batch * heads_, layout.length, memory.layout.length});
  }
  const torch::Tensor probabilities = torch::dropout(torch::softmax(scores, -1), dropout_, is_training());
  const torch::Tensor attended = torch::bmm(probabilities, v)
                                     .view({layout.batch, heads_, layout.length, width / heads_})
                                     .transpose(1, 2)
                                     .reshape({layout.batch, layout.length, width});
  return out_proj_->forward(layout.to_rows(attended));
}

Layer::Layer(const Sizes& sizes, const DropoutOptions& dropout) : dropout_(dropout) {
  const auto [width, heads, ffn, is_decoder] = sizes;
  const double attention_dropout = dropout.attention_dropout;
  self_attn_ = register_module("self_attn", std::make_shared<Attention>(width, heads, attention_dropout));
  self_attn_layer_norm_ = register_module("self_attn_layer_norm", std::make_shared<LayerNorm>(width));
  if (is_decoder) {
    encoder_attn_ =
        register_module("encoder_attn", std::make_shared<Attention>(width, heads, attention_dropout));
    encoder_attn_layer_norm_ = register_module("encoder_attn_layer_norm", std::make_shared<LayerNorm>(width));
  }
  fc1_ = register_module("fc1", std::make_shared<Linear>(width, ffn));
  fc2_ = register_module("fc2", std::make_shared<Linear>(ffn, width));
  final_layer_norm_ = register_module("final_layer_norm", std::make_shared<LayerNorm>(width));
}

torch::Tensor Layer::drop(const torch::Tensor& x, double probability) const {
  return torch::dropout(x, probability, is_training());
}

torch::Tensor Layer::forward(torch::Tensor rows, const RowLayout& layout, const torch::Tensor& mask,
                             const AttentionMemory* memory) {
  const double dropout = dropout_.dropout;
  const torch::Tensor attended = self_attn_->forward(rows, layout, {rows, layout, mask});
  rows = self_attn_layer_norm_->forward(rows + drop(attended, dropout));
  if (encoder_attn_ != nullptr) {
    rows = encoder_attn_layer_norm_->forward(rows +
                                             drop(encoder_attn_->forward(rows, layout, *memory), dropout));
  }
  const torch::Tensor hidden = drop(exact_gelu(fc1_->forward(rows)), dropout_.activation_dropout);
  return final_layer_norm_->forward(rows + drop(fc2_->forward(hidden), dropout));
}

LayerStack::LayerStack(const ModelConfig& config, const DropoutOptions& dropout, bool is_decoder,
                       const torch::Tensor& shared)
    : dropout_(dropout.dropout) {
  const std::int64_t width = config.d_model;
  register_module("embed_tokens", std::make_shared<Embedding>(shared));
  const std::int64_t positions = config.max_position_embeddings + ModelConfig::kPositionOffset;
  embed_positions_ =
      register_module("embed_positions", std::make_shared<Embedding>(torch::zeros({positions, width})));
  const Layer::Sizes sizes{
      .width = width,
      .heads = is_decoder ? config.decoder_attention_heads : config.encoder_attention_heads,
      .ffn = is_decoder ? config.decoder_ffn_dim : config.encoder_ffn_dim,
      .is_decoder = is_decoder};
  const auto list = register_module("layers", std::make_shared<torch::nn::Module>());
  const int count = is_decoder ? config.decoder_layers : config.encoder_layers;
  for (int i = 0; i < count; ++i) {
    layers_.push_back(list->register_module(std::to_string(i), std::make_shared<Layer>(sizes, dropout)));
  }
  layernorm_embedding_ = register_module("layernorm_embedding", std::make_shared<LayerNorm>(width));
}

torch::Tensor LayerStack::forward(const torch::Tensor& embedded, const RowLayout& layout,
                                  const torch::Tensor& mask, const AttentionMemory* memory) {
  torch::Tensor positions = embed_positions_->weight.narrow(0, ModelConfig::kPositionOffset, layout.length);
  positions = layout.positions.defined()
                  ? positions.index_select(0, layout.positions.remainder(layout.length))
                  : positions.repeat({layout.batch, 1});
  torch::Tensor rows =
      torch::dropout(layernorm_embedding_->forward(embedded + positions), dropout_, is_training());
  for (const auto& layer : layers_)
    rows = layer->forward(rows, layout, mask, memory);
  return rows;
}

AudioEncoderModule::AudioEncoderModule(const ModelConfig& config) {
  const std::int64_t width = config.d_model;
  positional_embedding_ = register_buffer("positional_embedding", torch::zeros({config.n_ctx(), width}));
  const auto mel_encoder = register_module("mel_encoder", std::make_shared<torch::nn::Module>());
  mel_encoder->register_module("spec_fn", std::make_shared<torch::nn::Module>())
      ->register_buffer("window", torch::zeros({config.mel.n_fft}));
  mel_encoder->register_module("mel_scale", std::make_shared<torch::nn::Module>())
      ->register_buffer("fb", torch::zeros({config.mel.n_fft / 2 + 1, config.mel.n_mels}));
  conv1_ = register_module("conv1", std::make_shared<Convolution>(config.mel.n_mels, width, 1));
  const auto stack = register_module("conv_stack", std::make_shared<torch::nn::Module>());
  for (int i = 0; i + 1 < config.num_conv; ++i) {
    conv_stack_.push_back(
        stack->register_module(std::to_string(i), std::make_shared<Convolution>(width, width, 2)));
  }
}

torch::Tensor AudioEncoderModule::forward(const torch::Tensor& log_mel) const {
  torch::Tensor x = exact_gelu(conv1_->forward(log_mel.to(positional_embedding_.options())));
  for (const auto& convolution : conv_stack_)
    x = exact_gelu(convolution->forward(x));
  return x.permute({0, 2, 1}) + positional_embedding_;
}

}  // namespace lpmc
