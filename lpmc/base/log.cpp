#include "lpmc/base/log.h"

#include <mutex>

namespace lpmc {
namespace {

struct SinkState {
  std::mutex mutex;
  LogSink sink;
};

SinkState& sink_state() {
  static SinkState state;
  return state;
}

}  // namespace

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "unknown";
}

void set_log_sink(LogSink sink) {
  SinkState& state = sink_state();
  const std::lock_guard lock(state.mutex);
  state.sink = std::move(sink);
}

void log_message(LogLevel level, std::string_view message) {
  SinkState& state = sink_state();
  const std::lock_guard lock(state.mutex);
  if (state.sink) state.sink(level, message);
}

}  // namespace lpmc
