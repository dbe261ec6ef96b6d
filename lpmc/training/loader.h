#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "lpmc/training/batch_maker.h"

namespace lpmc {

/// The samples of the j-th batch; nothing when there are no more. Called from several threads.
using BatchPlan = std::function<std::optional<std::vector<SampleRef>>(std::uint64_t j)>;

/// Makes batches ahead in threads of its own and hands them out in order. Whatever the number of threads,
/// the batches are the same; at most `workers` + 2 of them are held.
class BatchLoader {
 public:
  /// @param maker, plan must stay valid while this lives
  /// @param first number of the first batch: where a resumed run goes on
  BatchLoader(const BatchMaker& maker, BatchPlan plan, int workers, std::uint64_t first = 0);
  /// Stops the threads; batches not taken are dropped.
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  /// The next batch; nothing after the last one.
  /// @throws what making it threw; the batches before it are handed out first
  std::optional<TrainBatch> next();

  /// Seconds that next() has waited for data.
  double waited_s() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lpmc
