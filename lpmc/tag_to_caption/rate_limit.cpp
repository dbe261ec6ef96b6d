#include "lpmc/tag_to_caption/rate_limit.h"

#include <algorithm>
#include <cmath>

namespace lpmc {
namespace {

/// What a bucket holds at most, in seconds of its rate: enough to lose nothing between two looks at it, too
/// little for a burst that breaks a limit counted over any minute (0.1 s is 0.17 % of one; the rate is that
/// much lower).
constexpr double kBurstS = 0.1;
constexpr double kRateShare = 1 - kBurstS / 60;
/// Below this share of the timeout, slow is not too slow: servers that batch are meant to be slow and full.
constexpr double kLatencyShare = 0.25;
constexpr double kLatencyFactor = 4;
/// A server's pause is believed up to here; it will say so again.
constexpr double kMaxPauseS = 3600;

}  // namespace

void TokenBucket::set_rate(double per_minute) {
  per_minute_ = std::max(0.0, per_minute);
}

double TokenBucket::capacity() const {
  return std::max(1.0, per_minute_ / 60 * kBurstS);
}

double TokenBucket::level_at(double now_s) const {
  if (!started_) return capacity();
  const double filled = level_ + std::max(0.0, now_s - filled_s_) * per_minute_ / 60 * kRateShare;
  return std::min(filled, capacity());
}

double TokenBucket::wait_s(double amount, double now_s) const {
  if (per_minute_ <= 0) return 0;
  const double needed = std::min(amount, capacity()) - level_at(now_s);
  return needed <= 1e-9 ? 0 : needed / (per_minute_ / 60 * kRateShare);
}

void TokenBucket::take(double amount, double now_s) {
  if (per_minute_ <= 0) return;
  level_ = std::min(level_at(now_s) - amount, capacity());
  filled_s_ = now_s;
  started_ = true;
}

RateLimiter::RateLimiter(double rpm, double tpm) : rpm_(rpm), tpm_(tpm) {
  requests_.set_rate(rpm);
  tokens_.set_rate(tpm);
}

double RateLimiter::wait_s(double tokens, double now_s) const {
  return std::max({requests_.wait_s(1, now_s), tokens_.wait_s(tokens, now_s), pause_left_s(now_s)});
}

void RateLimiter::sent(double tokens, double now_s) {
  requests_.take(1, now_s);
  tokens_.take(tokens, now_s);
}

void RateLimiter::correct(double expected, double used, double now_s) {
  tokens_.take(used - expected, now_s);
}

void RateLimiter::learn(const ServerLimits& limits, double next_tokens, double now_s) {
  const auto usable = [](const std::optional<double>& value) {
    return value.has_value() && std::isfinite(*value) && *value > 0;
  };
  const auto least = [&](double ours, const std::optional<double>& theirs) {
    if (!usable(theirs)) return ours;
    return ours > 0 ? std::min(ours, *theirs) : *theirs;
  };
  requests_.set_rate(usable(limits.requests_per_minute) ? least(rpm_, limits.requests_per_minute) : rpm());
  tokens_.set_rate(usable(limits.tokens_per_minute) ? least(tpm_, limits.tokens_per_minute) : tpm());
  // A reset is the time until everything is there again; what the next request needs is there sooner.
  if (limits.remaining_requests.has_value() && *limits.remaining_requests < 1 &&
      usable(limits.reset_requests_s)) {
    const double next = rpm() > 0 ? 60 / rpm() : *limits.reset_requests_s;
    pause(std::min(*limits.reset_requests_s, next), now_s);
  }
  if (limits.remaining_tokens.has_value() && *limits.remaining_tokens < next_tokens &&
      usable(limits.reset_tokens_s)) {
    const double next = tpm() > 0 ? next_tokens * 60 / tpm() : *limits.reset_tokens_s;
    pause(std::min(*limits.reset_tokens_s, next), now_s);
  }
}

void RateLimiter::pause(double pause_s, double now_s) {
  paused_until_s_ = std::max(paused_until_s_, now_s + std::clamp(pause_s, 0.0, kMaxPauseS));
}

double RateLimiter::pause_left_s(double now_s) const {
  return std::max(0.0, paused_until_s_ - now_s);
}

AdaptiveConcurrency::AdaptiveConcurrency(int most, double timeout_s)
    : most_(std::max(1, most)), timeout_s_(timeout_s) {}

void AdaptiveConcurrency::succeeded(double latency_s, double sent_s, double now_s) {
  if (best_latency_s_ == 0 || latency_s < best_latency_s_) best_latency_s_ = latency_s;
  if (latency_s > kLatencyFactor * best_latency_s_ && latency_s > kLatencyShare * timeout_s_) {
    if (sent_s > decreased_s_) decrease(0.8, now_s);
    return;
  }
  limit_ = std::min(most_, limit_ + (doubling_ ? 1 : 1 / limit_));
}

bool AdaptiveConcurrency::overloaded(double sent_s, double now_s) {
  if (sent_s <= decreased_s_) return false;
  decrease(0.5, now_s);
  return true;
}

void AdaptiveConcurrency::decrease(double factor, double now_s) {
  limit_ = std::max(1.0, limit_ * factor);
  doubling_ = false;
  decreased_s_ = now_s;
}

}  // namespace lpmc
