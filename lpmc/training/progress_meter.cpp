#include "lpmc/training/progress_meter.h"

#include <algorithm>

namespace lpmc {
namespace {

double ratio(double sum, double count) {
  return count > 0 ? sum / count : 0;
}

double accuracy_of(const LossTotals& totals) {
  return ratio(static_cast<double>(totals.correct), static_cast<double>(totals.tokens));
}

}  // namespace

void ProgressMeter::begin_update() {
  begin_ = Clock::now();
}

void ProgressMeter::end_update(const StepResult& result, double waited_s) {
  const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
  window_.totals += result.totals;
  window_.grad_norm += result.grad_norm;
  window_.elapsed_s += seconds;
  window_.waited_s += waited_s;
  ++window_.updates;
  last_ = result.totals;
  elapsed_s_ += seconds;
  waited_s_ += waited_s;
  clips_ += result.totals.clips;
  ++updates_;
}

nlohmann::json ProgressMeter::take_line(std::int64_t step, double lr) {
  const auto tokens = static_cast<double>(window_.totals.tokens);
  const auto updates = static_cast<double>(window_.updates);
  nlohmann::json line = {{"kind", "train"},
                         {"step", step},
                         {"epoch", static_cast<double>(step) / static_cast<double>(length_.steps_per_epoch)},
                         {"updates", window_.updates},
                         {"loss", ratio(window_.totals.loss, tokens)},
                         {"nll", ratio(window_.totals.nll, tokens)},
                         {"accuracy", accuracy_of(window_.totals)},
                         {"lr", lr},
                         {"grad_norm", ratio(window_.grad_norm, updates)},
                         {"clips_per_s", ratio(static_cast<double>(window_.totals.clips), window_.elapsed_s)},
                         {"data_wait", ratio(window_.waited_s, window_.elapsed_s)}};
  window_ = {};
  return line;
}

TrainProgress ProgressMeter::progress(std::int64_t step, double lr) const {
  TrainProgress progress;
  progress.step = step;
  progress.updates = length_.updates;
  progress.epoch = static_cast<double>(step) / static_cast<double>(length_.steps_per_epoch);
  progress.loss = ratio(last_.loss, static_cast<double>(last_.tokens));
  progress.accuracy = accuracy_of(last_);
  progress.lr = lr;
  progress.clips_per_s = clips_per_s();
  progress.data_wait = data_wait();
  progress.eta_s =
      ratio(elapsed_s_, static_cast<double>(updates_)) * static_cast<double>(length_.updates - step);
  return progress;
}

}  // namespace lpmc
