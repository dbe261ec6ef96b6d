#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// Before torch.h, which in LibTorch 1.13 uses this type where clang 14 has not seen it whole.
#include <ATen/core/ivalue.h>
#include <torch/torch.h>

namespace lpmc {

/// The processes of a training run. One process unless the environment of torchrun (RANK, WORLD_SIZE,
/// LOCAL_RANK, MASTER_ADDR, MASTER_PORT), Open MPI (OMPI_COMM_WORLD_*) or Slurm (SLURM_PROCID, ...) says
/// otherwise (process_place.h has all of them). Over torch's own c10d: NCCL where LibTorch has it and the
/// device is CUDA, else Gloo, through the CPU's memory.
///
/// Every process makes the same calls in the same order. When one is lost, each of the others gets an
/// Error(remote) that says which process, and why as far as it is known: at once when its connections close,
/// else after the timeout. After such an error the group is of no more use.
class ProcessGroup {
 public:
  /// @param device where the tensors are; CUDA without a number means the GPU of the local rank
  /// @param timeout of finding each other and of every later call
  /// @throws Error(invalid_argument) naming the variable that is missing or makes no sense, Error(remote)
  /// when the others cannot be reached in `timeout`, Error(unsupported) when this LibTorch cannot do it
  static ProcessGroup from_environment(torch::Device device,
                                       std::chrono::seconds timeout = std::chrono::seconds(600));
  /// One process.
  ProcessGroup();
  ~ProcessGroup();
  ProcessGroup(ProcessGroup&&) noexcept;
  ProcessGroup& operator=(ProcessGroup&&) noexcept;

  int rank() const;
  int world_size() const;
  bool is_main() const { return rank() == 0; }
  /// The device given, with its number.
  torch::Device device() const;
  /// "gloo" or "nccl"; empty with one process.
  std::string backend() const;

  /// Sums over all processes; the same bits everywhere.
  double all_reduce_sum(double value);
  std::int64_t all_reduce_sum(std::int64_t value);
  /// Makes every process's tensors those of rank 0.
  void broadcast(const std::vector<torch::Tensor>& tensors);
  void barrier();
  /// Tells the others why this process ends before its time; it becomes part of their Error(remote).
  /// Called once, where the error of a process ends its run; the group is of no more use then.
  void announce_failure(std::string_view reason) noexcept;

 private:
  friend class GradientReducer;
  struct Impl;
  torch::Device device_ = torch::kCPU;
  std::unique_ptr<Impl> impl_;  ///< null with one process
};

/// Sums gradients over the processes in buckets while backward still runs. With one process it does nothing.
/// Every process ends with the same bits. It needs as much memory again as the gradients have.
class GradientReducer {
 public:
  /// @param group outlives the reducer
  /// @param parameters leaves that require a gradient, each once, in the same order in every process; they
  /// are on group.device()
  /// @throws Error(invalid_argument) when one is no such leaf
  GradientReducer(ProcessGroup& group, std::vector<torch::Tensor> parameters,
                  std::int64_t bucket_bytes = 25 << 20);
  ~GradientReducer();
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;
  /// Before the backward pass whose gradients are to be summed (the last micro-batch of a step).
  void begin();
  /// After it: waits until every .grad() is the sum over all processes. A parameter to which this process's
  /// backward gave no gradient counts as zero; one that got none anywhere keeps an undefined .grad().
  /// @throws Error(remote) when a process is lost
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lpmc
