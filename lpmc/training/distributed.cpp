#include "lpmc/training/distributed.h"

#include <cstdlib>
#include <thread>
#include <utility>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

// LibTorch says what it was built with; the headers of Gloo and NCCL come in packages of their own
// (Debian: libgloo-dev; NVIDIA: libnccl-dev).
#if defined(USE_C10D_GLOO) && __has_include(<gloo/rendezvous/store.h>)
#define LPMC_HAS_GLOO 1
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#else
#define LPMC_HAS_GLOO 0
#endif
#if defined(USE_C10D_NCCL) && __has_include(<nccl.h>)
#define LPMC_HAS_NCCL 1
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#else
#define LPMC_HAS_NCCL 0
#endif

#include "lpmc/base/error.h"
#include "lpmc/training/last_words.h"
#include "lpmc/training/process_group_impl.h"

namespace lpmc {

namespace {

/// How long a process that failed asks what became of the others.
constexpr std::chrono::milliseconds kPatience{5000};
/// How long process 0 then still answers those who ask.
constexpr std::chrono::milliseconds kLastAnswers{500};

std::string first_line(const std::exception& e) {
  const auto* torch_error = dynamic_cast<const c10::Error*>(&e);
  const std::string text = torch_error != nullptr ? torch_error->what_without_backtrace() : e.what();
  return text.substr(0, text.find('\n'));
}

c10::intrusive_ptr<c10d::Store> meet(const ProcessPlace& place, std::chrono::seconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(place.master_port);
  options.isServer = place.rank == 0;
  options.numWorkers = static_cast<std::size_t>(place.world_size);
  options.timeout = timeout;
  return c10::make_intrusive<c10d::TCPStore>(place.master_address, options);
}

#if LPMC_HAS_GLOO
bool is_loopback(const std::string& address) {
  return address == "localhost" || address == "::1" || address.starts_with("127.");
}

c10::intrusive_ptr<Transport> make_gloo(const c10::intrusive_ptr<c10d::Store>& store,
                                        const ProcessPlace& place, std::chrono::seconds timeout) {
  using Gloo = c10d::ProcessGroupGloo;
  const auto options = Gloo::Options::create(timeout);
  // As torch.distributed: GLOO_SOCKET_IFNAME names the network interface.
  const char* interface = std::getenv("GLOO_SOCKET_IFNAME");
  if (interface != nullptr && *interface != '\0') {
    options->devices.push_back(Gloo::createDeviceForInterface(interface));
  } else if (is_loopback(place.master_address)) {
    options->devices.push_back(Gloo::createDeviceForHostname("127.0.0.1"));
  } else {
    options->devices.push_back(Gloo::createDefaultDevice());
  }
  return c10::make_intrusive<Gloo>(c10::make_intrusive<c10d::PrefixStore>("gloo", store), place.rank,
                                   place.world_size, options);
}
#endif

#if LPMC_HAS_NCCL
c10::intrusive_ptr<Transport> make_nccl(const c10::intrusive_ptr<c10d::Store>& store,
                                        const ProcessPlace& place, std::chrono::seconds timeout) {
  // wait() then watches its peers and throws, where it would else only put the GPU's stream in order and
  // leave a lost peer to a thread that ends the program.
  for (const char* name : {"NCCL_BLOCKING_WAIT", "TORCH_NCCL_BLOCKING_WAIT"})
    setenv(name, "1", 0);
  const auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(c10::make_intrusive<c10d::PrefixStore>("nccl", store),
                                                     place.rank, place.world_size, options);
}
#endif

/// The GPU of a process that was told only "cuda".
torch::Device numbered(torch::Device device, int local_rank) {
  if (!device.is_cuda()) return device;
  const auto gpus = static_cast<int>(torch::cuda::device_count());
  const int number = device.has_index() ? static_cast<int>(device.index()) : local_rank;
  LPMC_REQUIRE(number < gpus, invalid_argument, "device cuda:{}: expected one of the {} GPUs of this machine",
               number, gpus);
  return {torch::kCUDA, static_cast<c10::DeviceIndex>(number)};
}

/// Connections that a failed call may still use: its thread ends with the process, not before.
void abandon(c10::intrusive_ptr<Transport> transport) {
  static auto* const abandoned = new std::vector<c10::intrusive_ptr<Transport>>;
  abandoned->push_back(std::move(transport));
}

}  // namespace

ProcessGroup::Impl::Impl(const ProcessPlace& process_place, torch::Device tensors, std::chrono::seconds limit)
    : place(process_place),
      device(numbered(tensors, place.local_rank)),
      wire_device(torch::kCPU),
      timeout(limit) {
  const std::string what = fmt::format("meeting at {}:{} (started by {}) within {} s", place.master_address,
                                       place.master_port, place.launcher, timeout.count());
  try {
    store = meet(place, timeout);
#if LPMC_HAS_NCCL
    if (device.is_cuda()) {
      backend = "nccl";
      wire_device = device;
      transport = make_nccl(store, place, timeout);
      return;
    }
#endif
#if LPMC_HAS_GLOO
    backend = "gloo";
    transport = make_gloo(store, place, timeout);
#else
    fail(ErrorKind::unsupported,
         "{} processes: this lpmc-train was built without the headers of Gloo (Debian: libgloo-dev)",
         place.world_size);
#endif
  } catch (const Error&) {
    throw;
  } catch (const std::exception& e) {
    fail(ErrorKind::remote, "process {} of {}: {}: {}", place.rank, place.world_size, what, first_line(e));
  }
}

ProcessGroup::Impl::~Impl() {
  if ((over || summing) && transport) abandon(std::move(transport));
}

Work ProcessGroup::Impl::start_sum(torch::Tensor& tensor) {
  std::vector<torch::Tensor> tensors{tensor};
  return transport->allreduce(tensors);
}

Work ProcessGroup::Impl::start_broadcast(torch::Tensor& tensor) {
  std::vector<torch::Tensor> tensors{tensor};
  return transport->broadcast(tensors);
}

void ProcessGroup::Impl::wait(const Work& work, std::string_view what) {
  guarded(what, [&] { work->wait(); });
}

void ProcessGroup::Impl::lost(std::string_view what, const std::exception& e) {
  const std::string reason = first_line(e);
  over = true;
  LastWords words(store, place.rank, place.world_size);
  words.leave(reason, false);
  const std::string known = words.collect(kPatience);
  if (place.rank == 0) std::this_thread::sleep_for(kLastAnswers);
  fail(ErrorKind::remote, "process {} of {}: {} failed: {}{}{}", place.rank, place.world_size, what, known,
       known.empty() ? "" : ": ", reason);
}

void ProcessGroup::Impl::announce_failure(std::string_view reason) {
  if (over) return;  // the others have their own words already
  over = true;
  LastWords words(store, place.rank, place.world_size);
  words.leave(reason, true);
  if (place.rank != 0) return;
  // The store ends with this process, so it stays until the others, whose calls fail now, have asked it.
  if (summing) {
    abandon(std::move(transport));
  } else {
    transport.reset();
  }
  words.collect(kPatience);
  std::this_thread::sleep_for(kLastAnswers);
}

ProcessGroup::ProcessGroup() = default;
ProcessGroup::~ProcessGroup() = default;
ProcessGroup::ProcessGroup(ProcessGroup&&) noexcept = default;
ProcessGroup& ProcessGroup::operator=(ProcessGroup&&) noexcept = default;

ProcessGroup ProcessGroup::from_environment(torch::Device device, std::chrono::seconds timeout) {
  LPMC_REQUIRE(timeout.count() > 0, invalid_argument, "timeout: expected more than 0 s, found {}",
               timeout.count());
  const ProcessPlace place = place_from_environment();
  ProcessGroup group;
  group.device_ = numbered(device, place.local_rank);
  if (place.world_size > 1) group.impl_ = std::make_unique<Impl>(place, group.device_, timeout);
  return group;
}

int ProcessGroup::rank() const {
  return impl_ ? impl_->place.rank : 0;
}

int ProcessGroup::world_size() const {
  return impl_ ? impl_->place.world_size : 1;
}

torch::Device ProcessGroup::device() const {
  return device_;
}

std::string ProcessGroup::backend() const {
  return impl_ ? impl_->backend : std::string();
}

namespace {

template <class Value>
torch::Tensor as_tensor(Value value, torch::ScalarType type, torch::Device device) {
  return torch::full({1}, value, torch::TensorOptions().dtype(type)).to(device);
}

}  // namespace

double ProcessGroup::all_reduce_sum(double value) {
  if (!impl_) return value;
  torch::Tensor tensor = as_tensor(value, torch::kFloat64, impl_->wire_device);
  impl_->guarded("a sum", [&] { impl_->start_sum(tensor)->wait(); });
  return tensor.item<double>();
}

std::int64_t ProcessGroup::all_reduce_sum(std::int64_t value) {
  if (!impl_) return value;
  torch::Tensor tensor = as_tensor(value, torch::kInt64, impl_->wire_device);
  impl_->guarded("a sum", [&] { impl_->start_sum(tensor)->wait(); });
  return tensor.item<std::int64_t>();
}

void ProcessGroup::broadcast(const std::vector<torch::Tensor>& tensors) {
  if (!impl_) return;
  const torch::NoGradGuard no_grad;
  std::vector<std::pair<torch::Tensor, Work>> running;
  running.reserve(tensors.size());
  for (const torch::Tensor& tensor : tensors) {
    torch::Tensor wire = tensor.detach().to(impl_->wire_device).contiguous();
    Work work = impl_->guarded("the start of a broadcast", [&] { return impl_->start_broadcast(wire); });
    running.emplace_back(std::move(wire), std::move(work));
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    impl_->wait(running[i].second, "a broadcast");
    torch::Tensor target = tensors[i].detach();
    if (!is_main() && !target.is_same(running[i].first)) target.copy_(running[i].first);
  }
}

void ProcessGroup::barrier() {
  all_reduce_sum(std::int64_t{1});
}

void ProcessGroup::announce_failure(std::string_view reason) noexcept {
  if (!impl_) return;
  try {
    impl_->announce_failure(reason);
  } catch (const std::exception&) {
    // The others learn of it when this process's connections close.
  }
}

}  // namespace lpmc
