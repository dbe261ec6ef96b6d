#include "lpmc/audio/av_log.h"

#include <array>
#include <cstdarg>
#include <mutex>
#include <string_view>

extern "C" {
#include <libavutil/error.h>
#include <libavutil/log.h>
}

#include "lpmc/base/log.h"
#include "lpmc/base/utf8.h"

namespace lpmc::detail {
namespace {

thread_local std::uint64_t errors_logged = 0;

void forward_message(void* source, int level, const char* format, va_list arguments) {
  level &= 0xFF;  // the other bits are a colour
  if (level > AV_LOG_INFO) return;
  if (level <= AV_LOG_ERROR) ++errors_logged;
  std::array<char, 512> line{};
  int print_prefix = 1;
  av_log_format_line2(source, level, format, arguments, line.data(), static_cast<int>(line.size()),
                      &print_prefix);
  std::string_view text(line.data());
  while (text.ends_with('\n'))
    text.remove_suffix(1);
  try {
    // The text may quote the file, which may hold anything.
    log_message(LogLevel::debug, "ffmpeg: " + display_path(std::string(text)));
  } catch (...) {  // FFmpeg's C code could not pass an exception on
  }
}

}  // namespace

void route_av_log() {
  static std::once_flag once;
  std::call_once(once, [] { av_log_set_callback(&forward_message); });
}

std::uint64_t av_errors_logged() {
  return errors_logged;
}

std::string av_error_text(int status) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(status, text.data(), text.size());
  return text.data();
}

}  // namespace lpmc::detail
