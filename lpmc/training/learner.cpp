#include "lpmc/training/learner.h"

#include <cmath>
#include <utility>

#include <ATen/autocast_mode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/torch.h>
#include <torch/version.h>

#include "lpmc/base/error.h"
#include "lpmc/base/threads.h"
#include "lpmc/training/adamw.h"
#include "lpmc/training/caption_module.h"
#include "lpmc/training/distributed.h"
#include "lpmc/training/weights_io.h"

namespace lpmc {
namespace {

constexpr std::size_t kNamedClips = 8;

torch::Device parse_device(const std::string& name) {
  LPMC_REQUIRE(name == "cpu" || torch::cuda::is_available(), unsupported,
               "--device {}: expected a LibTorch with CUDA and a GPU, found none", name);
  try {
    return torch::Device(name);
  } catch (const c10::Error&) {
    fail(ErrorKind::invalid_argument, "--device: expected cpu, cuda or cuda:N, found '{}'", name);
  }
}

/// bfloat16 autocast on CUDA while it lives. LibTorch 2.4 renamed its switches.
class AutocastGuard {
 public:
  explicit AutocastGuard(bool is_on) : is_on_(is_on) {
    if (is_on_) set(true);
  }
  ~AutocastGuard() {
    if (!is_on_) return;
    at::autocast::clear_cache();
    set(false);
  }
  AutocastGuard(const AutocastGuard&) = delete;
  AutocastGuard& operator=(const AutocastGuard&) = delete;

 private:
  static void set(bool is_on) {
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
    at::autocast::set_autocast_dtype(at::kCUDA, at::kBFloat16);
    at::autocast::set_autocast_enabled(at::kCUDA, is_on);
#else
    at::autocast::set_autocast_gpu_dtype(at::kBFloat16);
    at::autocast::set_enabled(is_on);
#endif
  }
  bool is_on_;
};

std::vector<torch::Tensor> tensors_of(const std::vector<NamedTorchTensor>& named) {
  std::vector<torch::Tensor> tensors;
  for (const NamedTorchTensor& each : named)
    tensors.push_back(each.tensor);
  return tensors;
}

/// The tensor itself where it is plain float32 in the CPU's memory, else a copy that the store keeps.
ConstTensorView view_of(const torch::Tensor& tensor, WeightStore& store) {
  const torch::Tensor values = tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous();
  const c10::IntArrayRef sizes = values.sizes();
  const Shape shape(std::span<const std::int64_t>(sizes.data(), sizes.size()));
  const ConstTensorView view(values.data_ptr(), DType::f32, shape);
  const bool is_itself = values.data_ptr() == tensor.data_ptr();
  return is_itself ? view : store.tensors.emplace_back(Tensor::copy_of(view)).view();
}

std::vector<std::string> first_ids(const std::vector<TrainBatch>& parts) {
  std::vector<std::string> ids;
  for (const TrainBatch& part : parts) {
    for (const std::string& id : part.ids) {
      if (ids.size() < kNamedClips) ids.push_back(id);
    }
  }
  return ids;
}

DropoutOptions dropout_of(const TrainOptions& o) {
  return {o.dropout, o.attention_dropout, o.activation_dropout};
}

AdamWOptions adamw_of(const TrainOptions& o) {
  AdamWOptions adamw;
  adamw.weight_decay = o.weight_decay;
  return adamw;
}

}  // namespace

LossTotals& LossTotals::operator+=(const LossTotals& other) {
  loss += other.loss;
  nll += other.nll;
  tokens += other.tokens;
  correct += other.correct;
  clips += other.clips;
  return *this;
}

struct Learner::Impl {
  ModelConfig config;
  TrainOptions options;
  ProcessGroup group;
  torch::Device device;
  CaptionModule module;
  std::vector<NamedTorchTensor> parameters;
  AdamW optimizer;
  GradientReducer reducer;

  Impl(const ModelConfig& model_config, const TrainOptions& train_options, const std::string& device_name)
      : config(model_config),
        options(train_options),
        group(ProcessGroup::from_environment(parse_device(device_name))),
        device(group.device()),
        module(on_device(model_config, train_options, device)),
        parameters(learned_parameters(*module)),
        optimizer(parameters, adamw_of(train_options)),
        reducer(group, tensors_of(parameters)) {}

  static CaptionModule on_device(const ModelConfig& config, const TrainOptions& options,
                                 const torch::Device& device) {
    CaptionModule module(config, dropout_of(options));
    module->to(device);
    return module;
  }

  LossSum loss(const TrainBatch& batch) {
    const auto bytes = const_cast<std::byte*>(batch.log_mel.view().bytes());
    const Shape& shape = batch.log_mel.shape();
    const torch::Tensor log_mel =
        torch::from_blob(bytes, {shape[0], shape[1], shape[2]}, torch::kFloat32).to(device);
    const torch::Tensor ids = torch::from_blob(const_cast<std::int64_t*>(batch.input_ids.data()),
                                               {batch.clips(), batch.length}, torch::kInt64)
                                  .to(device);
    const torch::Tensor mask = ids.ne(config.pad_token_id).to(torch::kInt64);
    const AutocastGuard autocast(options.bf16);
    return module->loss(log_mel, {ids, mask}, options.label_smoothing);
  }

  static LossTotals totals_of(const LossSum& loss, const TrainBatch& batch) {
    return {loss.sum.item<double>(), loss.nll_sum, loss.tokens, loss.correct, batch.clips()};
  }

  std::vector<torch::Tensor> everything() {
    std::vector<torch::Tensor> all = tensors_of(parameters);
    for (const torch::Tensor& buffer : module->buffers())
      all.push_back(buffer);
    for (const NamedTorchTensor& moment : optimizer.state())
      all.push_back(moment.tensor);
    return all;
  }
};

Learner::Learner(const ModelConfig& config, const TrainOptions& options, const std::string& device)
    : impl_(std::make_unique<Impl>(config, options, device)) {}

Learner::~Learner() = default;

int Learner::rank() const {
  return impl_->group.rank();
}

int Learner::world_size() const {
  return impl_->group.world_size();
}

void Learner::start_random() {
  load_into(*impl_->module, random_weights(impl_->config, static_cast<std::uint64_t>(impl_->options.seed)));
}

void Learner::start_from(const std::string& model) {
  load_init(*impl_->module, model);
}

void Learner::restore(const TensorFile& tensors, std::int64_t steps) {
  LoadedWeights weights;
  const auto find = [&](const std::string& name) -> const StoredTensor& {
    const StoredTensor* found = tensors.find(name);
    LPMC_REQUIRE(found != nullptr, corrupt, "{}: expected a tensor {}, found none", tensors.path().string(),
                 name);
    return *found;
  };
  visit_weights(weights.weights, impl_->config,
                [&](std::string_view name, const Shape&, WeightRole role, ConstTensorView& field) {
                  if (role == WeightRole::alias) return;
                  field = stored_view(find("model." + std::string(name)), weights.store);
                });
  load_into(*impl_->module, weights);
  std::vector<NamedTorchTensor> moments;
  std::vector<Tensor> kept;
  for (const NamedTorchTensor& moment : impl_->optimizer.state()) {
    Tensor& values = kept.emplace_back(read_tensor(find(moment.name)));
    std::vector<std::int64_t> sizes(values.shape().sizes().begin(), values.shape().sizes().end());
    moments.push_back(
        {moment.name, torch::from_blob(values.mutable_view().mutable_bytes(), sizes, torch::kFloat32)});
  }
  impl_->optimizer.restore(steps, moments);
}

void Learner::share(std::int64_t& steps) {
  if (world_size() == 1) return;
  steps = impl_->group.all_reduce_sum(is_main() ? steps : std::int64_t{0});
  if (!is_main()) impl_->optimizer.restore(steps, impl_->optimizer.state());
  const torch::NoGradGuard no_grad;
  impl_->group.broadcast(impl_->everything());
}

StepResult Learner::step(const std::vector<TrainBatch>& parts, std::int64_t update, double lr) {
  Impl& impl = *impl_;
  const auto seed = static_cast<std::uint64_t>(impl.options.seed);
  constexpr std::uint64_t kDropout = 1000;
  torch::manual_seed(
      CounterRandom(seed, static_cast<std::uint64_t>(update), kDropout + static_cast<std::uint64_t>(rank()))
          .next());
  std::int64_t tokens = 0;
  for (const TrainBatch& part : parts)
    tokens += part.tokens;
  tokens = impl.group.all_reduce_sum(tokens);
  impl.module->train();
  impl.optimizer.zero_grad();
  StepResult result;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i + 1 == parts.size()) impl.reducer.begin();
    const LossSum loss = impl.loss(parts[i]);
    (loss.sum / static_cast<double>(tokens)).backward();
    result.totals += Impl::totals_of(loss, parts[i]);
  }
  impl.reducer.finish();
  result.totals = sum(result.totals);
  result.grad_norm = clip_grad_norm(impl.parameters, impl.options.clip_norm);
  LPMC_REQUIRE(
      std::isfinite(result.totals.loss) && std::isfinite(result.grad_norm), corrupt,
      "update {}: expected a finite loss and gradient, found a loss of {} and a gradient of norm {}; "
      "clips: {}; the weights before it are kept",
      update + 1, result.totals.loss / static_cast<double>(tokens), result.grad_norm,
      fmt::join(first_ids(parts), ", "));
  impl.optimizer.step(lr);
  return result;
}

LossTotals Learner::evaluate(const TrainBatch& batch) {
  const torch::NoGradGuard no_grad;
  impl_->module->eval();
  return Impl::totals_of(impl_->loss(batch), batch);
}

LossTotals Learner::sum(const LossTotals& totals) {
  ProcessGroup& group = impl_->group;
  if (group.world_size() == 1) return totals;
  return {group.all_reduce_sum(totals.loss), group.all_reduce_sum(totals.nll),
          group.all_reduce_sum(totals.tokens), group.all_reduce_sum(totals.correct),
          group.all_reduce_sum(totals.clips)};
}

bool Learner::any(bool here) {
  if (world_size() == 1) return here;
  return impl_->group.all_reduce_sum(std::int64_t{here ? 1 : 0}) > 0;
}

double Learner::sum(double value) {
  return world_size() == 1 ? value : impl_->group.all_reduce_sum(value);
}

void Learner::wait_for_all() {
  impl_->group.barrier();
}

LoadedWeights Learner::weights() {
  return weights_of(*impl_->module);
}

std::vector<NamedTensor> Learner::state(WeightStore& store) {
  std::vector<NamedTensor> tensors;
  LoadedWeights weights = weights_of(*impl_->module);
  visit_weights(weights.weights, impl_->config,
                [&](std::string_view name, const Shape&, WeightRole role, ConstTensorView& field) {
                  if (role != WeightRole::alias) tensors.push_back({"model." + std::string(name), field});
                });
  store = std::move(weights.store);
  for (const NamedTorchTensor& moment : impl_->optimizer.state())
    tensors.push_back({moment.name, view_of(moment.tensor, store)});
  return tensors;
}

void set_training_threads(int threads) {
  torch::set_num_threads(threads > 0 ? threads : num_cores());
  // Ours make log-mels in the loader's threads: a pool of their own would fight LibTorch's for the cores.
  set_num_threads(1);
}

std::string training_library_version() {
  return fmt::format("LibTorch {}.{}.{}{}", TORCH_VERSION_MAJOR, TORCH_VERSION_MINOR, TORCH_VERSION_PATCH,
                     torch::cuda::is_available() ? " with CUDA" : "");
}

}  // namespace lpmc
