#pragma once

#include <cstdint>

#include <torch/torch.h>

namespace lpmc {

/// The output layer and what it is scored against.
struct OutputLayer {
  torch::Tensor weight;  ///< [vocab, d_model]
  torch::Tensor bias;    ///< [1, vocab], not learned
};

/// Sums over tokens; see LossSum.
struct TokenLoss {
  torch::Tensor sum;  ///< scalar with the graph
  std::int64_t correct = 0;
  double nll_sum = 0;
};

/// Label-smoothed cross-entropy of hidden weight^T + bias, summed over the rows:
/// (1 - smoothing) * -log p[target] + smoothing * mean over the vocabulary of -log p.
/// Output layer and loss are one function: a few hundred rows of logits exist at a time, and the
/// gradients by `hidden` and `weight` are made from them on the way, so backward only scales these,
/// once.
/// @param hidden [tokens, d_model]
/// @param targets [tokens] int64
TokenLoss label_smoothed_loss(const torch::Tensor& hidden, const OutputLayer& output,
                              const torch::Tensor& targets, double smoothing);

}  // namespace lpmc
