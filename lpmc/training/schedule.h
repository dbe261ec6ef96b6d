#pragma once

#include <cstdint>

namespace lpmc {

/// Learning rate over a run: linear warm-up from 0, then half a cosine from `lr` to `min_lr`. The published
/// formula counts in epochs (i / iters + epoch); in updates it is the same with both sides multiplied.
/// Source: lp-music-caps train.py adjust_learning_rate.
struct Schedule {
  double lr = 1e-4;
  double min_lr = 0;
  double warmup_updates = 0;
  double total_updates = 1;

  /// @param update 0-based number of the update
  double at(std::int64_t update) const;
};

}  // namespace lpmc
