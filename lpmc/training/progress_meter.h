#pragma once

#include <chrono>
#include <cstdint>

#include <nlohmann/json.hpp>

#include "lpmc/training/learner.h"
#include "lpmc/training/trainer.h"

namespace lpmc {

/// Sums and times of the updates since the last line of the log, and of all of this process's.
class ProgressMeter {
 public:
  explicit ProgressMeter(const RunLength& length) : length_(length) {}

  /// Around each update: time spent elsewhere (validation, checkpoints) does not count.
  void begin_update();
  /// @param waited_s seconds of it spent waiting for data
  void end_update(const StepResult& result, double waited_s);

  /// The "train" line of the log, and a fresh start of its sums.
  nlohmann::json take_line(std::int64_t step, double lr);
  TrainProgress progress(std::int64_t step, double lr) const;
  double data_wait() const { return elapsed_s_ > 0 ? waited_s_ / elapsed_s_ : 0; }
  double clips_per_s() const { return elapsed_s_ > 0 ? static_cast<double>(clips_) / elapsed_s_ : 0; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Window {
    LossTotals totals;
    double grad_norm = 0;
    double elapsed_s = 0, waited_s = 0;
    std::int64_t updates = 0;
  };

  RunLength length_;
  Clock::time_point begin_{};
  Window window_;
  LossTotals last_;
  double elapsed_s_ = 0, waited_s_ = 0;
  std::int64_t clips_ = 0, updates_ = 0;
};

}  // namespace lpmc
