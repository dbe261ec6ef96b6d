#pragma once

#include <cstdint>
#include <string>

namespace lpmc {

// Times as people and subtitle players write them. Every function takes seconds; what is negative
// or not a number counts as 0.

/// Milliseconds, rounded to the nearest.
std::int64_t to_milliseconds(double seconds);

/// Seconds rounded to the nearest millisecond, as all formats give them.
double rounded_to_milliseconds(double seconds);

/// "m:ss" under an hour, "h:mm:ss" from one hour on, followed by a tenth where the time, rounded to
/// tenths, is no whole second: 0:05, 0:05.5, 1:02:03. For reading; the exact times are numbers.
std::string time_label(double seconds);

/// "0:00-0:10"
std::string time_range_label(double start_s, double end_s);

/// "HH:MM:SS,mmm", hours of two digits or more; `decimal_mark` is ',' in srt and '.' in vtt.
std::string subtitle_time(double seconds, char decimal_mark);

/// "mm:ss.xx", minutes of two digits or more (lrc knows no hours).
std::string lyrics_time(double seconds);

}  // namespace lpmc
