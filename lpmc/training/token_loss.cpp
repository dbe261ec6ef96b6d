#include "lpmc/training/token_loss.h"

#include <algorithm>

namespace lpmc {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

/// Rows of logits that exist at a time: enough to keep the matrix products efficient (100 MB of float32
/// at the published vocabulary).
constexpr std::int64_t kRowsOnCpu = 512;
constexpr std::int64_t kRowsOnDevice = 4096;
/// Logits that the passes after a product go over at a time; they stay in the cores' caches.
constexpr std::int64_t kLogitsInCache = 1 << 20;

struct RowSums {
  torch::Tensor loss, nll, correct;  ///< scalars: float64, float64, int64
};

/// Loss of a few rows of logits, which become the gradient by them where `gradient` is set.
void score_rows(torch::Tensor logits, const torch::Tensor& targets, double smoothing, bool gradient,
                RowSums& sums) {
  const torch::Tensor target = targets.unsqueeze(1);
  const double vocab = static_cast<double>(logits.size(1));
  const torch::Tensor target_logit = logits.gather(1, target);
  const torch::Tensor mean = logits.mean(1, /*keepdim=*/true);
  const auto [highest, best] = logits.max(1, /*keepdim=*/true);
  logits.sub_(highest).exp_();
  const torch::Tensor total = logits.sum(1, /*keepdim=*/true);
  const torch::Tensor log_total = total.log() + highest;
  sums.loss += (log_total - (1 - smoothing) * target_logit - smoothing * mean).sum(torch::kFloat64);
  sums.nll += (log_total - target_logit).sum(torch::kFloat64);
  sums.correct += best.eq(target).sum();
  if (!gradient) return;
  logits.mul_(total.reciprocal());
  if (smoothing != 0) logits.sub_(smoothing / vocab);
  logits.scatter_add_(1, target, torch::full_like(target_logit, smoothing - 1));
}

class LabelSmoothedLoss : public torch::autograd::Function<LabelSmoothedLoss> {
 public:
  static variable_list forward(AutogradContext* ctx, const Variable& hidden, const Variable& weight,
                               const Variable& bias, const Variable& targets, double smoothing,
                               bool gradient) {
    // Autocast decides the type of the products; the sums are float32 at least.
    const auto product_type = torch::mm(hidden.narrow(0, 0, 1), weight.narrow(0, 0, 1).t()).scalar_type();
    const torch::Tensor h = hidden.to(product_type), w = weight.to(product_type);
    const auto sum_type = product_type == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
    const auto zero = torch::zeros({}, hidden.options().dtype(torch::kFloat64));
    RowSums sums{zero, zero.clone(), torch::zeros({}, targets.options())};
    torch::Tensor hidden_grad, weight_grad;
    if (gradient) hidden_grad = torch::empty_like(hidden);

    const bool on_cpu = hidden.device().is_cpu();
    const std::int64_t rows = hidden.size(0), chunk = on_cpu ? kRowsOnCpu : kRowsOnDevice;
    const std::int64_t block =
        on_cpu ? std::clamp<std::int64_t>(kLogitsInCache / weight.size(0), 1, chunk) : chunk;
    for (std::int64_t begin = 0; begin < rows; begin += chunk) {
      const std::int64_t count = std::min(chunk, rows - begin);
      const torch::Tensor h_chunk = h.narrow(0, begin, count);
      torch::Tensor logits = torch::mm(h_chunk, w.t()).to(sum_type);
      for (std::int64_t row = 0; row < count; row += block) {
        const std::int64_t some = std::min(block, count - row);
        score_rows(logits.narrow(0, row, some).add_(bias), targets.narrow(0, begin + row, some), smoothing,
                   gradient, sums);
      }
      if (!gradient) continue;
      logits = logits.to(product_type);
      hidden_grad.narrow(0, begin, count).copy_(torch::mm(logits, w));
      const torch::Tensor part = torch::mm(logits.t(), h_chunk).to(weight.scalar_type());
      weight_grad = weight_grad.defined() ? weight_grad.add_(part) : part;
    }
    if (gradient) {
      ctx->saved_data["hidden"] = hidden_grad;
      ctx->saved_data["weight"] = weight_grad;
    }
    const variable_list out{sums.loss.to(sum_type), sums.nll, sums.correct};
    ctx->mark_non_differentiable({out[1], out[2]});
    return out;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    TORCH_CHECK(ctx->saved_data.count("hidden") == 1, "backward through a caption loss a second time");
    const torch::Tensor hidden = ctx->saved_data["hidden"].toTensor();
    const torch::Tensor weight = ctx->saved_data["weight"].toTensor();
    ctx->saved_data.clear();  // leaves `weight` to the one who takes it as .grad()
    const torch::Tensor scale = grads[0];
    return {hidden.mul_(scale.to(hidden.scalar_type())),
            weight.mul_(scale.to(weight.scalar_type())),
            {},
            {},
            {},
            {}};
  }
};

}  // namespace

TokenLoss label_smoothed_loss(const torch::Tensor& hidden, const OutputLayer& output,
                              const torch::Tensor& targets, double smoothing) {
  if (hidden.size(0) == 0) return {.sum = hidden.sum()};
  const bool gradient =
      torch::GradMode::is_enabled() && (hidden.requires_grad() || output.weight.requires_grad());
  const variable_list out =
      LabelSmoothedLoss::apply(hidden, output.weight, output.bias, targets, smoothing, gradient);
  return {.sum = out[0], .correct = out[2].item<std::int64_t>(), .nll_sum = out[1].item<double>()};
}

}  // namespace lpmc
