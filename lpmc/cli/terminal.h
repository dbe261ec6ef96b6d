#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "lpmc/base/log.h"

namespace lpmc::cli {

/// Sends log messages of `least` and above to stderr, as "lpmc: warning: ..." or as one JSON object
/// a line. A progress bar on the terminal is cleared before and drawn again after.
void install_log_sink(LogLevel least, bool as_json);

/// What a progress line tells.
struct ProgressState {
  std::size_t files_done = 0;
  std::size_t files_total = 0;  ///< 0: not known
  std::size_t segments_done = 0;
  double audio_s_done = 0;
  double audio_s_known = 0;
};

/// A progress line on stderr: a bar on a terminal, JSON lines on request, nothing else.
class Progress {
 public:
  /// @param mode auto, json or none
  explicit Progress(std::string_view mode, bool quiet);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(const ProgressState& state);
  /// Removes the bar, so that results can be printed.
  void clear();
  /// Reports the last state whatever the time.
  void finish(const ProgressState& state);

 private:
  void draw(const ProgressState& state);

  enum class Mode { none, bar, json };
  Mode mode_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_{};
};

/// "1:05", "1:01:05".
std::string format_time(double seconds);

}  // namespace lpmc::cli
