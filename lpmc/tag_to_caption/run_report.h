#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <utility>

#include "lpmc/tag_to_caption/runner.h"

namespace lpmc {

/// Counts what a run does and tells on_progress some ten times a second.
class RunReport {
 public:
  RunReport(std::function<void(const RunProgress&)> on_progress, const StoreCounts& at_start);

  void job_done() { ++now_.done; }
  void job_failed() { ++now_.failed; }
  bool is_due(double now_s) const { return now_s >= next_s_; }
  /// @param moment in_flight, cost_usd, tokens and note; the rest is counted here
  void tell(double now_s, const RunProgress& moment);

 private:
  std::function<void(const RunProgress&)> on_progress_;
  RunProgress now_;
  double next_s_ = 0;
  std::deque<std::pair<double, std::int64_t>> past_;  ///< time and jobs ended, of the last half minute
};

}  // namespace lpmc
