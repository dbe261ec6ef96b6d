#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lpmc/checkpoint/tensor_file.h"
#include "lpmc/model/config.h"
#include "lpmc/model/weights.h"
#include "lpmc/training/batch_maker.h"
#include "lpmc/training/train_options.h"

namespace lpmc {

/// Loss over tokens, not yet divided.
struct LossTotals {
  double loss = 0;  ///< label-smoothed, as it is minimised
  double nll = 0;   ///< -log p of the targets
  std::int64_t tokens = 0;
  std::int64_t correct = 0;  ///< the most probable token was the target
  std::int64_t clips = 0;

  LossTotals& operator+=(const LossTotals& other);
};

/// What one update gave, over all processes.
struct StepResult {
  LossTotals totals;
  double grad_norm = 0;  ///< before clipping
};

/// Weights, gradients and optimizer on a device, alone or as one of several processes. All randomness of an
/// update follows from (seed, update, rank), so nothing of it has to be saved.
class Learner {
 public:
  /// @param device cpu, cuda or cuda:N
  /// @throws Error(unsupported) when the device is not there, Error as ProcessGroup::from_environment
  Learner(const ModelConfig& config, const TrainOptions& options, const std::string& device);
  ~Learner();
  Learner(const Learner&) = delete;
  Learner& operator=(const Learner&) = delete;

  int rank() const;
  int world_size() const;
  bool is_main() const { return rank() == 0; }

  void start_random();
  /// @throws Error as load_init
  void start_from(const std::string& model);
  /// Weights and moments of state().   @throws Error(corrupt) naming what is missing
  void restore(const TensorFile& tensors, std::int64_t steps);
  /// Gives every process what the main one has.
  /// @param steps updates made; the main process's counts
  void share(std::int64_t& steps);

  /// One update: forward and backward over `parts`, gradients summed over processes, clipped, stepped.
  /// @throws Error(corrupt) naming update and clips when loss or gradient are not finite; nothing is stepped
  StepResult step(const std::vector<TrainBatch>& parts, std::int64_t update, double lr);
  /// Loss without dropout, of this process's batch.
  LossTotals evaluate(const TrainBatch& batch);
  /// Sum over the processes.
  LossTotals sum(const LossTotals& totals);
  /// Whether any process says so.
  bool any(bool here);
  double sum(double value);
  void wait_for_all();

  /// The weights as saving takes them (copies).
  LoadedWeights weights();
  /// Weights and moments, for StateFolder: valid until the next step and while `store` lives.
  std::vector<NamedTensor> state(WeightStore& store);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Threads that LibTorch computes with; 0 = one a core.
void set_training_threads(int threads);

/// "LibTorch 1.13.1", with "CUDA" where there is any.
std::string training_library_version();

}  // namespace lpmc
