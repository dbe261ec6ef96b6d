#include "lpmc/captioning/timecodes.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace lpmc {
namespace {

/// Whole units of `per_second`, rounded; bounded so that no input overflows.
std::int64_t to_units(double seconds, double per_second) {
  constexpr double kLongest_s = 1e12;
  if (!(seconds > 0)) return 0;
  return std::llround(std::min(seconds, kLongest_s) * per_second);
}

}  // namespace

std::int64_t to_milliseconds(double seconds) {
  return to_units(seconds, 1000);
}

double rounded_to_milliseconds(double seconds) {
  return static_cast<double>(to_milliseconds(seconds)) / 1000;
}

std::string time_label(double seconds) {
  const std::int64_t tenths = to_units(seconds, 10);
  const std::int64_t whole = tenths / 10;
  std::string label = whole < 3600 ? fmt::format("{}:{:02}", whole / 60, whole % 60)
                                   : fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  if (tenths % 10 != 0) label += fmt::format(".{}", tenths % 10);
  return label;
}

std::string time_range_label(double start_s, double end_s) {
  return time_label(start_s) + "-" + time_label(end_s);
}

std::string subtitle_time(double seconds, char decimal_mark) {
  const std::int64_t ms = to_milliseconds(seconds);
  return fmt::format("{:02}:{:02}:{:02}{}{:03}", ms / 3'600'000, ms / 60'000 % 60, ms / 1000 % 60,
                     decimal_mark, ms % 1000);
}

std::string lyrics_time(double seconds) {
  const std::int64_t hundredths = to_units(seconds, 100);
  return fmt::format("{:02}:{:02}.{:02}", hundredths / 6000, hundredths / 100 % 60, hundredths % 100);
}

}  // namespace lpmc
