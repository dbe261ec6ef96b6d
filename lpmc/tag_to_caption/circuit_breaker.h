#pragma once

namespace lpmc {

struct BreakerOptions {
  int failures = 20;         ///< in a row, before it opens
  double first_pause_s = 5;  ///< doubles with every probe that fails
  double longest_pause_s = 60;
  int probes = 20;  ///< failed in a row, before it gives up (some 17 minutes)
};

/// Stops sending to a server that answers nothing any more, and tries now and then with one request. Times
/// are seconds of one steady clock, handed in.
class CircuitBreaker {
 public:
  explicit CircuitBreaker(const BreakerOptions& options = {}) : options_(options) {}

  void succeeded();
  /// A failure that says that the server is not well: no answer, 5xx, a timeout.
  void failed(double now_s);

  /// Whether a request may go out. While open: one, when the pause is over (then probe_sent() is called).
  bool may_send(double now_s) const;
  void probe_sent() { probing_ = open_; }
  bool is_open() const { return open_; }
  bool has_given_up() const { return failed_probes_ >= options_.probes; }
  /// Seconds until the next probe; 0 when closed, or while one is under way.
  double pause_left_s(double now_s) const;

 private:
  BreakerOptions options_;
  int failures_ = 0;
  int failed_probes_ = 0;
  bool open_ = false, probing_ = false;
  double pause_s_ = 0;
  double open_until_s_ = 0;
};

}  // namespace lpmc
