#include "lpmc/tag_to_caption/circuit_breaker.h"

#include <algorithm>

namespace lpmc {

void CircuitBreaker::succeeded() {
  failures_ = 0;
  failed_probes_ = 0;
  open_ = false;
  probing_ = false;
}

void CircuitBreaker::failed(double now_s) {
  if (open_) {
    // Answers to requests that were under way when it opened say nothing new; only the probe's counts.
    if (!probing_) return;
    probing_ = false;
    ++failed_probes_;
    pause_s_ = std::min(pause_s_ * 2, options_.longest_pause_s);
    open_until_s_ = now_s + pause_s_;
    return;
  }
  if (++failures_ < options_.failures) return;
  open_ = true;
  pause_s_ = options_.first_pause_s;
  open_until_s_ = now_s + pause_s_;
}

bool CircuitBreaker::may_send(double now_s) const {
  return !open_ || (!probing_ && now_s >= open_until_s_);
}

double CircuitBreaker::pause_left_s(double now_s) const {
  return open_ && !probing_ ? std::max(0.0, open_until_s_ - now_s) : 0;
}

}  // namespace lpmc
