#pragma once

#include "lpmc/tag_to_caption/chat_client.h"

namespace lpmc {

// How fast requests may go out. All times are seconds of one steady clock, handed in: nothing here waits or
// reads a clock.

/// A bucket that fills at a steady rate; taking may wait for it to fill.
class TokenBucket {
 public:
  /// @param per_minute 0 = no limit
  void set_rate(double per_minute);
  double per_minute() const { return per_minute_; }
  /// Seconds until `amount` may be taken; 0 = now. More than the bucket holds at most waits for a full one.
  double wait_s(double amount, double now_s) const;
  /// Takes, also below zero; a negative amount gives back.
  void take(double amount, double now_s);

 private:
  double level_at(double now_s) const;
  double capacity() const;

  double per_minute_ = 0;
  double level_ = 0;
  double filled_s_ = 0;  ///< when level_ was right
  bool started_ = false;
};

/// Requests and tokens a minute: what the user set, and what the server's headers say where that is less (or
/// all there is); pauses that a server asked for.
class RateLimiter {
 public:
  /// @param rpm, tpm 0 = not set
  RateLimiter(double rpm, double tpm);

  /// Seconds until a request of about `tokens` may go out; 0 = now.
  double wait_s(double tokens, double now_s) const;
  /// A request went out.
  void sent(double tokens, double now_s);
  /// A request that was counted with `expected` tokens used `used`.
  void correct(double expected, double used, double now_s);
  /// Takes what a server's headers say. @param next_tokens about what the next request needs
  void learn(const ServerLimits& limits, double next_tokens, double now_s);
  /// No request before now_s + pause_s.
  void pause(double pause_s, double now_s);
  /// Seconds left of a pause.
  double pause_left_s(double now_s) const;

  double rpm() const { return requests_.per_minute(); }
  double tpm() const { return tokens_.per_minute(); }

 private:
  double rpm_, tpm_;
  TokenBucket requests_, tokens_;
  double paused_until_s_ = 0;
};

/// How many requests may be in flight: additive increase, multiplicative decrease. Begins with one and
/// doubles with every round of answers until something gives; then one more a round. Halves on overload; goes
/// down by a fifth when requests take so long that they come near their timeout.
class AdaptiveConcurrency {
 public:
  AdaptiveConcurrency(int most, double timeout_s);

  int limit() const { return static_cast<int>(limit_); }
  /// @param sent_s when the request went out
  void succeeded(double latency_s, double sent_s, double now_s);
  /// 429, 503, a timeout. @return false for a request sent before the last decrease: it tells nothing new
  bool overloaded(double sent_s, double now_s);

 private:
  void decrease(double factor, double now_s);

  double most_, timeout_s_;
  double limit_ = 1;
  bool doubling_ = true;
  double best_latency_s_ = 0;  ///< 0: none yet
  double decreased_s_ = -1;    ///< when last
};

}  // namespace lpmc
