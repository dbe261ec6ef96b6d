#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <torch/torch.h>

#include "lpmc/model/config.h"
#include "lpmc/training/caption_module.h"

namespace lpmc {

/// Which positions of a padded batch a [rows, d_model] tensor holds. Linear layers, norms and dropout
/// work on rows alone; only attention needs to know which row belongs to which item.
struct RowLayout {
  std::int64_t batch = 0;
  std::int64_t length = 0;
  torch::Tensor positions;  ///< [rows] int64 into batch * length, ascending; undefined: all of them

  /// @return [batch, length, width], zero where there is no row
  torch::Tensor to_padded(const torch::Tensor& rows) const;
  /// @return [rows, width]
  torch::Tensor to_rows(const torch::Tensor& padded) const;
};

/// The erf GELU, with a backward pass that is right for every memory layout: LibTorch 1.13's, with oneDNN,
/// is wrong where the incoming gradient is not contiguous.
torch::Tensor exact_gelu(const torch::Tensor& x);

/// A module of a weight and a bias under those names; subclasses say what they do with them.
class WeightAndBias : public torch::nn::Module {
 public:
  WeightAndBias(at::IntArrayRef weight_shape, std::int64_t bias_size);

 protected:
  torch::Tensor weight_, bias_;
};

class Linear : public WeightAndBias {
 public:
  Linear(std::int64_t in, std::int64_t out) : WeightAndBias({out, in}, out) {}
  torch::Tensor forward(const torch::Tensor& x) const { return torch::linear(x, weight_, bias_); }
};

class LayerNorm : public WeightAndBias {
 public:
  explicit LayerNorm(std::int64_t width) : WeightAndBias({width}, width) {}
  torch::Tensor forward(const torch::Tensor& x) const;
};

/// Kernel 3, padding 1.
class Convolution : public WeightAndBias {
 public:
  Convolution(std::int64_t in, std::int64_t out, std::int64_t stride)
      : WeightAndBias({out, in, 3}, out), stride_(stride) {}
  /// @param x [batch, in, length], moved to the weight's device and type
  torch::Tensor forward(const torch::Tensor& x) const;

 private:
  std::int64_t stride_;
};

/// A table under the name "weight". Several may hold one tensor.
class Embedding : public torch::nn::Module {
 public:
  explicit Embedding(torch::Tensor table) : weight(register_parameter("weight", std::move(table))) {}
  torch::Tensor weight;
};

/// Keys and values, and what is to be hidden of them.
struct AttentionMemory {
  const torch::Tensor& rows;
  const RowLayout& layout;
  torch::Tensor mask;  ///< added to the scores [batch, heads, queries, keys] (broadcast); undefined: none
};

class Attention : public torch::nn::Module {
 public:
  Attention(std::int64_t width, std::int64_t heads, double dropout);
  /// @param rows [rows of layout, width]   @return the same shape
  torch::Tensor forward(const torch::Tensor& rows, const RowLayout& layout, const AttentionMemory& memory);

 private:
  /// [rows, width] to [batch * heads, length, width / heads]
  torch::Tensor split_heads(const torch::Tensor& rows, const RowLayout& layout) const;

  std::int64_t heads_;
  double dropout_;
  std::shared_ptr<Linear> k_proj_, v_proj_, q_proj_, out_proj_;
};

/// A post-norm transformer layer of BART; a decoder layer when it has encoder_attn.
class Layer : public torch::nn::Module {
 public:
  struct Sizes {
    std::int64_t width, heads, ffn;
    bool is_decoder;
  };
  Layer(const Sizes& sizes, const DropoutOptions& dropout);
  /// @param memory the encoder's states, null for an encoder layer
  torch::Tensor forward(torch::Tensor rows, const RowLayout& layout, const torch::Tensor& mask,
                        const AttentionMemory* memory);

 private:
  torch::Tensor drop(const torch::Tensor& x, double probability) const;

  DropoutOptions dropout_;
  std::shared_ptr<Attention> self_attn_, encoder_attn_;
  std::shared_ptr<LayerNorm> self_attn_layer_norm_, encoder_attn_layer_norm_, final_layer_norm_;
  std::shared_ptr<Linear> fc1_, fc2_;
};

/// BART's encoder or decoder without the token embedding.
class LayerStack : public torch::nn::Module {
 public:
  /// @param shared the token embedding, registered here too as the reference does
  LayerStack(const ModelConfig& config, const DropoutOptions& dropout, bool is_decoder,
             const torch::Tensor& shared);
  /// Adds learned positions, then runs all layers. Arguments as Layer::forward.
  torch::Tensor forward(const torch::Tensor& embedded, const RowLayout& layout, const torch::Tensor& mask,
                        const AttentionMemory* memory);

 private:
  double dropout_;
  std::shared_ptr<Embedding> embed_positions_;
  std::vector<std::shared_ptr<Layer>> layers_;
  std::shared_ptr<LayerNorm> layernorm_embedding_;
};

/// Log-mel to embeddings: the convolutions and the sinusoids.
class AudioEncoderModule : public torch::nn::Module {
 public:
  explicit AudioEncoderModule(const ModelConfig& config);
  /// @param log_mel [batch, n_mels, frames]   @return [batch, n_ctx, d_model]
  torch::Tensor forward(const torch::Tensor& log_mel) const;

 private:
  torch::Tensor positional_embedding_;
  std::shared_ptr<Convolution> conv1_;
  std::vector<std::shared_ptr<Convolution>> conv_stack_;
};

}  // namespace lpmc
