#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
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

/// Progress of work other than captioning audio.
struct ProgressLine {
  std::string text;  ///< what the bar shows
  std::string json;  ///< the same as an object
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
  /// @param line made only when it is shown
  void update(const std::function<ProgressLine()>& line);
  /// Removes the bar, so that results can be printed.
  void clear();
  /// Reports the last state whatever the time.
  void finish(const ProgressState& state);
  void finish(const ProgressLine& line);

 private:
  bool is_due();
  void draw(const ProgressLine& line);
  ProgressLine line_of(const ProgressState& state) const;

  enum class Mode { none, bar, json };
  Mode mode_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_{};
};

/// "1:05", "1:01:05".
std::string format_time(double seconds);

}  // namespace lpmc::cli
