#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "lpmc/captioning/caption_service.h"

namespace lpmc {

/// What a moment's gauges show beside the counters.
struct MetricsGauges {
  ServiceLoad load;
  int max_queue = 0;
  std::size_t connections = 0;
  std::size_t jobs = 0;
  std::uint64_t upload_bytes = 0;
  std::string version, model, dtype;
};

/// Counters of a server, as Prometheus reads them. Any thread.
class Metrics {
 public:
  /// An exchange has its answer.
  /// @param route with its variable parts replaced: a bounded number of names
  void count(std::string_view route, int status, double seconds);

  /// The text exposition format 0.0.4.
  std::string text(const MetricsGauges& gauges) const;

 private:
  static constexpr std::array kBounds = {0.005, 0.025, 0.1,  0.25, 0.5,  1.0,
                                         2.5,   5.0,   10.0, 30.0, 60.0, 300.0};
  struct Latency {
    std::array<std::uint64_t, kBounds.size()> at_most{};  // cumulative
    std::uint64_t count = 0;
    double sum_s = 0;
  };

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::uint64_t> requests_;
  std::map<std::string, Latency, std::less<>> latency_;
  std::uint64_t rejected_ = 0;  // 429 and 503
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace lpmc
