#include "lpmc/training/schedule.h"

#include <cmath>
#include <numbers>

namespace lpmc {

double Schedule::at(std::int64_t update) const {
  const auto now = static_cast<double>(update);
  if (now < warmup_updates) return lr * now / warmup_updates;
  const double share = (now - warmup_updates) / (total_updates - warmup_updates);
  return min_lr + (lr - min_lr) * 0.5 * (1 + std::cos(std::numbers::pi * share));
}

}  // namespace lpmc
