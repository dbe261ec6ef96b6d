#pragma once

#include <functional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace lpmc {

enum class LogLevel { debug, info, warning, error };

/// "debug", "info", "warning", "error".
std::string_view to_string(LogLevel level);

using LogSink = std::function<void(LogLevel, std::string_view message)>;

/// Where log messages go. Libraries never print: until a program installs a sink, messages are
/// dropped. The sink is called from any thread, one call at a time.
void set_log_sink(LogSink sink);

/// Hands one finished message to the sink.
void log_message(LogLevel level, std::string_view message);

template <class... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  log_message(level, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace lpmc
