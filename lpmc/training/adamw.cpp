#include "lpmc/training/adamw.h"

#include <cmath>
#include <map>
#include <set>
#include <utility>

#include <ATen/Parallel.h>

#include "lpmc/base/error.h"

namespace lpmc {
namespace {

constexpr std::string_view kExpAvg = "exp_avg.";
constexpr std::string_view kExpAvgSq = "exp_avg_sq.";

void check(const AdamWOptions& o) {
  LPMC_REQUIRE(o.beta1 >= 0 && o.beta1 < 1, invalid_argument, "beta1: expected 0 <= beta1 < 1, found {}",
               o.beta1);
  LPMC_REQUIRE(o.beta2 >= 0 && o.beta2 < 1, invalid_argument, "beta2: expected 0 <= beta2 < 1, found {}",
               o.beta2);
  LPMC_REQUIRE(o.eps >= 0 && std::isfinite(o.eps), invalid_argument, "eps: expected 0 or more, found {}",
               o.eps);
  LPMC_REQUIRE(o.weight_decay >= 0 && std::isfinite(o.weight_decay), invalid_argument,
               "weight-decay: expected 0 or more, found {}", o.weight_decay);
}

/// The numbers of one update.
struct Update {
  double decay;  ///< 1 - lr * weight_decay
  double beta1, beta2;
  double step_size;   ///< lr / (1 - beta1^t)
  double root_scale;  ///< sqrt(1 - beta2^t)
  double eps;
};

/// What one update touches, all of one size.
struct Slot {
  torch::Tensor parameter, gradient, exp_avg, exp_avg_sq;
};

bool steps_in_one_pass(const Slot& slot) {
  const auto plain = [](const torch::Tensor& t) {
    return t.device().is_cpu() && t.scalar_type() == torch::kFloat32 && t.is_contiguous();
  };
  return plain(slot.parameter) && plain(slot.gradient);
}

/// Reads and writes each element once; torch's operations would walk over memory a dozen times.
void step_in_one_pass(const Slot& slot, const Update& u) {
  constexpr std::int64_t kGrain = 1 << 15;
  float* const p = slot.parameter.data_ptr<float>();
  float* const m = slot.exp_avg.data_ptr<float>();
  float* const v = slot.exp_avg_sq.data_ptr<float>();
  const float* const g = slot.gradient.data_ptr<float>();
  const auto decay = static_cast<float>(u.decay);
  const auto beta1 = static_cast<float>(u.beta1), one_minus_beta1 = static_cast<float>(1 - u.beta1);
  const auto beta2 = static_cast<float>(u.beta2), one_minus_beta2 = static_cast<float>(1 - u.beta2);
  const auto root_scale = static_cast<float>(u.root_scale), eps = static_cast<float>(u.eps);
  const auto step_size = static_cast<float>(-u.step_size);
  at::parallel_for(0, slot.parameter.numel(), kGrain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      m[i] = m[i] * beta1 + one_minus_beta1 * g[i];
      v[i] = v[i] * beta2 + one_minus_beta2 * g[i] * g[i];
      const float denominator = std::sqrt(v[i]) / root_scale + eps;
      p[i] = p[i] * decay + step_size * m[i] / denominator;
    }
  });
}

/// The same by torch's multi-tensor operations, for other devices and types.
void step_by_torch(const std::vector<Slot>& slots, const Update& u) {
  if (slots.empty()) return;
  std::vector<torch::Tensor> parameters, gradients, exp_avg, exp_avg_sq;
  for (const Slot& slot : slots) {
    parameters.push_back(slot.parameter);
    gradients.push_back(slot.gradient);
    exp_avg.push_back(slot.exp_avg);
    exp_avg_sq.push_back(slot.exp_avg_sq);
  }
  at::_foreach_mul_(parameters, u.decay);
  at::_foreach_mul_(exp_avg, u.beta1);
  at::_foreach_add_(exp_avg, gradients, 1 - u.beta1);
  at::_foreach_mul_(exp_avg_sq, u.beta2);
  at::_foreach_addcmul_(exp_avg_sq, gradients, gradients, 1 - u.beta2);
  std::vector<torch::Tensor> denominators = at::_foreach_sqrt(exp_avg_sq);
  at::_foreach_div_(denominators, u.root_scale);
  at::_foreach_add_(denominators, u.eps);
  at::_foreach_addcdiv_(parameters, exp_avg, denominators, -u.step_size);
}

}  // namespace

AdamW::AdamW(std::vector<NamedTorchTensor> parameters, const AdamWOptions& options)
    : parameters_(std::move(parameters)), options_(options) {
  check(options_);
  std::set<std::string> names;
  std::set<const void*> storages;
  for (const auto& [name, tensor] : parameters_) {
    LPMC_REQUIRE(names.insert(name).second, invalid_argument, "optimizer: {}: listed twice", name);
    LPMC_REQUIRE(storages.insert(tensor.data_ptr()).second, invalid_argument,
                 "optimizer: {}: shares its memory with another parameter of the list", name);
    exp_avg_.push_back(torch::zeros_like(tensor, torch::TensorOptions().requires_grad(false)));
    exp_avg_sq_.push_back(torch::zeros_like(tensor, torch::TensorOptions().requires_grad(false)));
  }
}

void AdamW::step(double lr) {
  const torch::NoGradGuard no_grad;
  ++steps_;
  const auto t = static_cast<double>(steps_);
  const Update update{.decay = 1 - lr * options_.weight_decay,
                      .beta1 = options_.beta1,
                      .beta2 = options_.beta2,
                      .step_size = lr / (1 - std::pow(options_.beta1, t)),
                      .root_scale = std::sqrt(1 - std::pow(options_.beta2, t)),
                      .eps = options_.eps};
  std::vector<Slot> others;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const torch::Tensor& parameter = parameters_[i].tensor;
    torch::Tensor gradient = parameter.grad();
    if (!gradient.defined()) continue;
    if (gradient.is_sparse()) gradient = gradient.to_dense();
    Slot slot{parameter, gradient.contiguous(), exp_avg_[i], exp_avg_sq_[i]};
    if (steps_in_one_pass(slot)) {
      step_in_one_pass(slot, update);
    } else {
      others.push_back(std::move(slot));
    }
  }
  step_by_torch(others, update);
}

void AdamW::zero_grad() {
  for (const NamedTorchTensor& parameter : parameters_)
    parameter.tensor.mutable_grad().reset();
}

std::vector<NamedTorchTensor> AdamW::state() const {
  std::vector<NamedTorchTensor> state;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    state.push_back({std::string(kExpAvg) + parameters_[i].name, exp_avg_[i]});
    state.push_back({std::string(kExpAvgSq) + parameters_[i].name, exp_avg_sq_[i]});
  }
  return state;
}

void AdamW::restore(std::int64_t steps, const std::vector<NamedTorchTensor>& state) {
  const torch::NoGradGuard no_grad;
  LPMC_REQUIRE(steps >= 0, corrupt, "optimizer state: steps: expected 0 or more, found {}", steps);
  std::map<std::string, torch::Tensor> saved;
  for (const auto& [name, tensor] : state)
    LPMC_REQUIRE(saved.emplace(name, tensor).second, corrupt, "optimizer state: {}: found twice", name);
  const std::vector<NamedTorchTensor> live = this->state();
  for (const auto& [name, tensor] : live) {
    const auto found = saved.find(name);
    LPMC_REQUIRE(found != saved.end(), corrupt, "optimizer state: {}: expected {}, found no such tensor",
                 name, c10::str(tensor.sizes()));
    LPMC_REQUIRE(found->second.sizes() == tensor.sizes(), corrupt,
                 "optimizer state: {}: expected {}, found {}", name, c10::str(tensor.sizes()),
                 c10::str(found->second.sizes()));
  }
  // A name more than there are live ones: all live ones are among the saved.
  for (const auto& [name, tensor] : live)
    tensor.copy_(saved.extract(name).mapped());
  LPMC_REQUIRE(saved.empty(), corrupt, "optimizer state: {}: expected no such tensor", saved.begin()->first);
  steps_ = steps;
}

double clip_grad_norm(const std::vector<NamedTorchTensor>& parameters, double max_norm) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> gradients, norms;
  for (const NamedTorchTensor& parameter : parameters) {
    if (!parameter.tensor.grad().defined()) continue;
    gradients.push_back(parameter.tensor.grad());
    norms.push_back(gradients.back().norm().to(torch::kFloat64));
  }
  if (gradients.empty()) return 0;
  const double norm = torch::stack(norms).norm().item<double>();
  const double scale = max_norm / (norm + 1e-6);
  if (max_norm > 0 && scale < 1) at::_foreach_mul_(gradients, scale);
  return norm;
}

}  // namespace lpmc
