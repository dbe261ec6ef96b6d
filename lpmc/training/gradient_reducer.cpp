#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include "lpmc/base/error.h"
#include "lpmc/training/distributed.h"
#include "lpmc/training/process_group_impl.h"

namespace lpmc {

namespace {

using torch::autograd::variable_list;
/// A shared_ptr in LibTorch 1.13, an intrusive_ptr in 2.15.
using NodePointer = decltype(torch::autograd::impl::grad_accumulator(std::declval<const torch::Tensor&>()));

/// Calls back when a parameter's gradient is whole.
class AfterAccumulation : public torch::autograd::FunctionPostHook {
 public:
  explicit AfterAccumulation(std::function<void()> call) : call_(std::move(call)) {}
  variable_list operator()(const variable_list& outputs, const variable_list& /*inputs*/) override {
    call_();
    return outputs;
  }

 private:
  std::function<void()> call_;
};

/// Gradients that travel together: those of its parameters one after the other, then one number for each
/// that is above 0 in the sum when any process had such a gradient.
struct Bucket {
  std::vector<std::size_t> parameters;
  std::vector<std::int64_t> offsets;  ///< of each, in `flat`
  std::int64_t elements = 0;
  torch::Tensor flat;
  std::size_t ready = 0;
  Work work;

  torch::Tensor slice(std::size_t i, const torch::Tensor& parameter) const {
    return flat.narrow(0, offsets[i], parameter.numel()).view(parameter.sizes());
  }
  torch::Tensor flag(std::size_t i) const {
    return flat.narrow(0, elements + static_cast<std::int64_t>(i), 1);
  }
};

}  // namespace

struct GradientReducer::Impl {
  Impl(ProcessGroup::Impl& process_group, std::vector<torch::Tensor> all, std::int64_t bucket_bytes)
      : group(process_group),
        parameters(std::move(all)),
        bucket_of(parameters.size()),
        seen(parameters.size()) {
    fill_buckets(bucket_bytes);
    add_hooks();
  }
  ~Impl() {
    for (const auto& [node, key] : hooks)
      node->del_post_hook(key);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void fill_buckets(std::int64_t bucket_bytes);
  void add_hooks();
  void on_gradient(std::size_t parameter);
  void launch_ready();
  void launch(Bucket& bucket);
  void unpack(Bucket& bucket);

  ProcessGroup::Impl& group;
  std::vector<torch::Tensor> parameters;
  std::vector<Bucket> buckets;
  std::vector<std::size_t> bucket_of;
  std::vector<std::pair<NodePointer, std::uintptr_t>> hooks;

  std::mutex mutex;  // hooks run in the threads of backward
  bool active = false;
  std::vector<bool> seen;
  std::size_t next = 0;  ///< first bucket that is not on its way; all processes send in one order
  std::exception_ptr failure;
};

void GradientReducer::Impl::fill_buckets(std::int64_t bucket_bytes) {
  // Backward reaches the last layers first, so the first bucket is full soon.
  std::int64_t bytes = 0;
  for (std::size_t i = parameters.size(); i-- > 0;) {
    const torch::Tensor& parameter = parameters[i];
    const bool fits = !buckets.empty() &&
                      bytes + static_cast<std::int64_t>(parameter.nbytes()) <= bucket_bytes &&
                      parameters[buckets.back().parameters.back()].scalar_type() == parameter.scalar_type();
    if (!fits) {
      buckets.emplace_back();
      bytes = 0;
    }
    Bucket& bucket = buckets.back();
    bucket.parameters.push_back(i);
    bucket.offsets.push_back(bucket.elements);
    bucket.elements += parameter.numel();
    bytes += static_cast<std::int64_t>(parameter.nbytes());
    bucket_of[i] = buckets.size() - 1;
  }
  for (Bucket& bucket : buckets) {
    const auto type = parameters[bucket.parameters.front()].scalar_type();
    const auto size = bucket.elements + static_cast<std::int64_t>(bucket.parameters.size());
    bucket.flat = torch::zeros({size}, torch::TensorOptions().dtype(type).device(group.wire_device));
  }
}

void GradientReducer::Impl::add_hooks() {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    auto node = torch::autograd::impl::grad_accumulator(parameters[i]);
    const auto key = node->add_post_hook(std::make_unique<AfterAccumulation>([this, i] { on_gradient(i); }));
    hooks.emplace_back(std::move(node), key);
  }
}

void GradientReducer::Impl::on_gradient(std::size_t parameter) {
  const std::lock_guard lock(mutex);
  if (!active || failure || seen[parameter]) return;
  seen[parameter] = true;
  ++buckets[bucket_of[parameter]].ready;
  try {
    launch_ready();
  } catch (...) {
    failure = std::current_exception();  // backward goes on; finish() throws it
  }
}

void GradientReducer::Impl::launch_ready() {
  while (next < buckets.size() && buckets[next].ready == buckets[next].parameters.size())
    launch(buckets[next++]);
}

void GradientReducer::Impl::launch(Bucket& bucket) {
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < bucket.parameters.size(); ++i) {
    const torch::Tensor& parameter = parameters[bucket.parameters[i]];
    const torch::Tensor& grad = parameter.grad();
    torch::Tensor slice = bucket.slice(i, parameter);
    if (grad.defined()) {
      slice.copy_(grad);
    } else {
      slice.zero_();
    }
    bucket.flag(i).fill_(grad.defined() ? 1 : 0);
  }
  bucket.work = group.start_sum(bucket.flat);
}

void GradientReducer::Impl::unpack(Bucket& bucket) {
  const torch::NoGradGuard no_grad;
  const auto count = static_cast<std::int64_t>(bucket.parameters.size());
  const torch::Tensor flags = bucket.flat.narrow(0, bucket.elements, count).to(torch::kCPU, torch::kFloat64);
  for (std::size_t i = 0; i < bucket.parameters.size(); ++i) {
    if (flags[static_cast<std::int64_t>(i)].item<double>() == 0) continue;
    torch::Tensor& parameter = parameters[bucket.parameters[i]];
    torch::Tensor& grad = parameter.mutable_grad();
    if (!grad.defined()) grad = torch::empty_like(parameter);
    grad.copy_(bucket.slice(i, parameter));
  }
}

GradientReducer::GradientReducer(ProcessGroup& group, std::vector<torch::Tensor> parameters,
                                 std::int64_t bucket_bytes) {
  LPMC_REQUIRE(bucket_bytes > 0, invalid_argument, "bucket_bytes: expected more than 0, found {}",
               bucket_bytes);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    LPMC_REQUIRE(parameters[i].defined() && parameters[i].is_leaf() && parameters[i].requires_grad(),
                 invalid_argument, "parameter {}: expected a leaf that requires a gradient", i);
  }
  if (group.impl_) impl_ = std::make_unique<Impl>(*group.impl_, std::move(parameters), bucket_bytes);
}

GradientReducer::~GradientReducer() = default;

void GradientReducer::begin() {
  if (!impl_) return;
  const std::lock_guard lock(impl_->mutex);
  for (Bucket& bucket : impl_->buckets) {
    bucket.ready = 0;
    bucket.work = {};
  }
  impl_->seen.assign(impl_->parameters.size(), false);
  impl_->next = 0;
  impl_->failure = nullptr;
  impl_->active = true;
  impl_->group.summing = true;
}

void GradientReducer::finish() {
  if (!impl_) return;
  constexpr std::string_view kWhat = "the sum of the gradients";
  const std::lock_guard lock(impl_->mutex);
  LPMC_REQUIRE(impl_->active, invalid_argument, "GradientReducer: finish() without begin()");
  impl_->active = false;
  impl_->group.guarded(kWhat, [&] {
    if (impl_->failure) std::rethrow_exception(impl_->failure);
    // Parameters that this process's backward did not reach hold some buckets back: they go now.
    while (impl_->next < impl_->buckets.size())
      impl_->launch(impl_->buckets[impl_->next++]);
  });
  for (Bucket& bucket : impl_->buckets) {
    impl_->group.wait(bucket.work, kWhat);
    impl_->unpack(bucket);
  }
  impl_->group.summing = false;
}

}  // namespace lpmc
