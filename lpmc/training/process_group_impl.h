#pragma once

// Private to distributed.cpp and gradient_reducer.cpp: what a group of several processes holds.

#include <chrono>
#include <string>
#include <string_view>

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>
#include <torch/torch.h>
#include <torch/version.h>

#include "lpmc/training/distributed.h"
#include "lpmc/training/process_place.h"

namespace lpmc {

#if TORCH_VERSION_MAJOR >= 2
using Transport = c10d::Backend;
#else
using Transport = c10d::ProcessGroup;
#endif
using Work = c10::intrusive_ptr<c10d::Work>;

struct ProcessGroup::Impl {
  Impl(const ProcessPlace& place, torch::Device device, std::chrono::seconds timeout);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// Begins the sum of `tensor` (on wire_device, contiguous) over all processes, in place.
  Work start_sum(torch::Tensor& tensor);
  Work start_broadcast(torch::Tensor& tensor);
  /// @throws Error(remote) naming the lost process; `what` is "the sum of the gradients" or the like
  void wait(const Work& work, std::string_view what);
  /// Runs `call`, whose exceptions are those of a lost process.
  template <class Call>
  auto guarded(std::string_view what, Call&& call) {
    try {
      return call();
    } catch (const std::exception& e) {
      lost(what, e);
    }
  }
  [[noreturn]] void lost(std::string_view what, const std::exception& e);
  void announce_failure(std::string_view reason);

  ProcessPlace place;
  torch::Device device;       ///< where gradients are
  torch::Device wire_device;  ///< where the backend takes tensors
  std::chrono::seconds timeout;
  std::string backend;
  c10::intrusive_ptr<c10d::Store> store;  ///< kept by process 0
  c10::intrusive_ptr<Transport> transport;
  bool over = false;     ///< a failure happened: what still runs may never end
  bool summing = false;  ///< between a reducer's begin() and finish(), so sums may be on their way
};

}  // namespace lpmc
