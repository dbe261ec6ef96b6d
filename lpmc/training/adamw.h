#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <torch/torch.h>

#include "lpmc/training/named_torch_tensor.h"

namespace lpmc {

/// Defaults are torch.optim.AdamW's.
struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.01;
};

template <class Field>
void visit(AdamWOptions& o, Field&& field) {
  field("beta1", o.beta1, "decay of the gradient's running mean");
  field("beta2", o.beta2, "decay of the squared gradient's running mean");
  field("eps", o.eps, "added to the root before dividing");
  field("weight-decay", o.weight_decay, "decoupled: parameter *= 1 - lr * weight-decay, on every parameter");
}

/// AdamW with decoupled weight decay, the arithmetic of torch.optim.AdamW. float32 parameters on a CPU
/// are stepped in one pass over memory, all others by torch's own multi-tensor operations.
/// Source: Loshchilov and Hutter 2019; torch 1.13 optim/adamw.py.
class AdamW {
 public:
  /// @param parameters leaf tensors, each once (see learned_parameters); kept as handles
  /// @throws Error(invalid_argument) for a name or storage listed twice, or an option out of range
  AdamW(std::vector<NamedTorchTensor> parameters, const AdamWOptions& options);

  /// One update from the .grad() of every parameter; those without a gradient stay as they are, moments
  /// included.
  void step(double lr);

  /// Gradients become undefined, so that the next backward pass stores instead of adding.
  void zero_grad();

  /// Updates made, restored ones included.
  std::int64_t steps() const { return steps_; }

  /// "exp_avg.<name>" and "exp_avg_sq.<name>" of every parameter, in the parameters' order: the live
  /// tensors, not copies.
  std::vector<NamedTorchTensor> state() const;

  /// Copies saved moments in, in any order.
  /// @throws Error(corrupt) naming the tensor, the expected and the found, when one is missing, left over
  /// or of another shape
  void restore(std::int64_t steps, const std::vector<NamedTorchTensor>& state);

 private:
  std::vector<NamedTorchTensor> parameters_;
  std::vector<torch::Tensor> exp_avg_;
  std::vector<torch::Tensor> exp_avg_sq_;
  AdamWOptions options_;
  std::int64_t steps_ = 0;
};

/// Scales all gradients by max_norm / (norm + 1e-6) where their common L2 norm exceeds max_norm.
/// @param max_norm 0 or less: nothing is scaled, the norm is only measured
/// @return the norm before, NaN or infinite when a gradient is
/// Source: torch.nn.utils.clip_grad_norm_.
double clip_grad_norm(const std::vector<NamedTorchTensor>& parameters, double max_norm);

}  // namespace lpmc
