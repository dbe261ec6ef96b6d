#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <torch/torch.h>

#include "lpmc/model/config.h"
#include "lpmc/model/weights.h"
#include "lpmc/training/named_torch_tensor.h"

namespace lpmc {

/// Dropout probabilities of BART (facebook/bart-base: 0.1 each). 0 everywhere = deterministic.
struct DropoutOptions {
  double dropout = 0.1;
  double attention_dropout = 0.1;
  double activation_dropout = 0.1;
};

template <class Field>
void visit(DropoutOptions& o, Field&& field) {
  field("dropout", o.dropout, "of embeddings and sub-layer outputs");
  field("attention-dropout", o.attention_dropout, "of attention probabilities");
  field("activation-dropout", o.activation_dropout, "inside the feed-forward layers");
}

/// Texts of a batch as the loss takes them.
struct TextBatch {
  torch::Tensor input_ids;       ///< [batch, length] int64, `<s> w1 .. wn </s>` then padding
  torch::Tensor attention_mask;  ///< [batch, length] int64, 1 at tokens, 0 at padding
};

/// Cross-entropy, not yet divided, so that micro-batches and processes add up to the mean over all tokens.
struct LossSum {
  torch::Tensor sum;         ///< scalar: label-smoothed loss summed over the tokens; carries the graph
  std::int64_t tokens = 0;   ///< tokens counted (padding is not)
  std::int64_t correct = 0;  ///< of them: the argmax is the target (teacher-forced accuracy)
  double nll_sum = 0;        ///< -log p of the targets, summed, without smoothing
};

/// The captioning network as a LibTorch module. Its named_parameters(), with those that share storage
/// removed, are the reference's names (model/weights.h visit_weights lists them). A new module has the
/// weights of random_weights(config, 0). Inputs are moved to the module's device and type; it works in
/// float32, float64 and under autocast.
/// Source: reference model/bart.py, modules.py; loss as forward_decoder.
class CaptionModuleImpl : public torch::nn::Module {
 public:
  /// @throws Error(invalid_argument) for a configuration that makes no sense or a dropout outside [0, 1)
  explicit CaptionModuleImpl(const ModelConfig& config, const DropoutOptions& dropout = {});
  ~CaptionModuleImpl() override;

  const ModelConfig& config() const { return config_; }

  /// @param log_mel [batch, n_mels, frames] float32
  /// @return encoder states [batch, n_ctx, d_model]
  /// @throws Error(invalid_argument) naming the size that differs
  torch::Tensor encode(const torch::Tensor& log_mel);
  /// @param decoder_attention_mask [batch, length], 0 where a position is not to be seen as a key
  /// @return logits [batch, length, vocab] of decoder_input_ids [batch, length]
  torch::Tensor decode(const torch::Tensor& encoder_out, const torch::Tensor& decoder_input_ids,
                       const torch::Tensor& decoder_attention_mask);
  /// The published loss (MODEL.md section 5), as sums. Positions of padding are not computed, and the
  /// logits are never held whole; the gradient by them is made in the forward pass, so backward can run
  /// once.
  LossSum loss(const torch::Tensor& log_mel, const TextBatch& text, double label_smoothing);

 private:
  ModelConfig config_;
  struct Parts;
  std::shared_ptr<Parts> parts_;
};
TORCH_MODULE(CaptionModule);

/// Every learned tensor once, under the reference's name, in visit_weights' order.
std::vector<NamedTorchTensor> learned_parameters(CaptionModuleImpl& module);

/// Copies weights into the module, whatever type they are stored in.
/// @throws Error(corrupt) naming the first tensor of another shape
void load_into(CaptionModuleImpl& module, const LoadedWeights& weights);

/// The module's weights as inference and saving take them (float32 copies).
LoadedWeights weights_of(CaptionModuleImpl& module);

}  // namespace lpmc
