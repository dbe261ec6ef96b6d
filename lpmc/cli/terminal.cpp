#include "lpmc/cli/terminal.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <mutex>

#include <nlohmann/json.hpp>
#include <unistd.h>

#include "lpmc/base/utf8.h"

namespace lpmc::cli {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kClearLine = "\r\x1b[K";
constexpr auto kBarInterval = std::chrono::milliseconds(100);
constexpr auto kJsonInterval = std::chrono::milliseconds(500);

/// stderr is shared by the log and the progress bar.
struct Terminal {
  std::mutex mutex;
  std::string bar;  ///< what stands on the last line now
};

Terminal& terminal() {
  static Terminal state;
  return state;
}

void write_stderr(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void print_message(LogLevel level, std::string_view message, bool as_json) {
  std::string line;
  if (as_json) {
    line = json{{"level", to_string(level)}, {"message", replace_invalid_utf8(message)}}.dump();
  } else if (level == LogLevel::warning || level == LogLevel::error) {
    line = fmt::format("lpmc: {}: {}", to_string(level), message);
  } else {
    line = fmt::format("lpmc: {}", message);
  }
  Terminal& state = terminal();
  const std::lock_guard lock(state.mutex);
  if (!state.bar.empty()) write_stderr(kClearLine);
  write_stderr(line + "\n");
  if (!state.bar.empty()) write_stderr(state.bar);
}

std::string describe(const ProgressState& state, double elapsed_s) {
  std::string files = fmt::format("{}", state.files_done);
  if (state.files_total > 0) files += fmt::format("/{}", state.files_total);
  const double speed = elapsed_s > 0 ? state.audio_s_done / elapsed_s : 0;
  std::string line = fmt::format("{} {}, {} segments, {:.1f}x real time", files,
                                 state.files_total == 1 ? "file" : "files", state.segments_done, speed);
  // The sound of files not opened yet is guessed from those that were.
  const double opened = static_cast<double>(state.files_done) + 1;
  const double total_s =
      state.files_total > 0
          ? state.audio_s_known * std::max(1.0, static_cast<double>(state.files_total) / opened)
          : state.audio_s_known;
  if (speed > 0 && total_s > state.audio_s_done) {
    line += ", " + format_time((total_s - state.audio_s_done) / speed) + " left";
  }
  return line;
}

}  // namespace

std::string format_time(double seconds) {
  const auto whole = static_cast<long long>(std::llround(std::max(0.0, seconds)));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

void install_log_sink(LogLevel least, bool as_json) {
  set_log_sink([least, as_json](LogLevel level, std::string_view message) {
    if (level >= least) print_message(level, message, as_json);
  });
}

Progress::Progress(std::string_view mode, bool quiet) : mode_(Mode::none) {
  if (mode == "json") {
    mode_ = Mode::json;
  } else if (mode == "auto" && !quiet && ::isatty(STDERR_FILENO) == 1) {
    mode_ = Mode::bar;
  }
}

Progress::~Progress() {
  clear();
}

bool Progress::is_due() {
  if (mode_ == Mode::none) return false;
  const auto now = Clock::now();
  if (now - last_ < (mode_ == Mode::bar ? kBarInterval : kJsonInterval)) return false;
  last_ = now;
  return true;
}

void Progress::update(const ProgressState& state) {
  if (is_due()) draw(line_of(state));
}

void Progress::update(const std::function<ProgressLine()>& line) {
  if (is_due()) draw(line());
}

void Progress::finish(const ProgressState& state) {
  finish(line_of(state));
}

void Progress::finish(const ProgressLine& line) {
  if (mode_ == Mode::json) draw(line);
  clear();
}

void Progress::clear() {
  if (mode_ != Mode::bar) return;
  Terminal& shared = terminal();
  const std::lock_guard lock(shared.mutex);
  if (shared.bar.empty()) return;
  shared.bar.clear();
  write_stderr(kClearLine);
}

ProgressLine Progress::line_of(const ProgressState& state) const {
  const double elapsed_s = std::chrono::duration<double>(Clock::now() - start_).count();
  const json line = {{"files_done", state.files_done},       {"files_total", state.files_total},
                     {"segments_done", state.segments_done}, {"audio_s_done", state.audio_s_done},
                     {"audio_s_known", state.audio_s_known}, {"elapsed_s", elapsed_s}};
  return {describe(state, elapsed_s), line.dump()};
}

void Progress::draw(const ProgressLine& line) {
  Terminal& shared = terminal();
  const std::lock_guard lock(shared.mutex);
  if (mode_ == Mode::json) {
    write_stderr(line.json + "\n");
    return;
  }
  shared.bar = line.text;
  write_stderr(kClearLine);
  write_stderr(shared.bar);
}

}  // namespace lpmc::cli
