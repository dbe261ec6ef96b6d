#pragma once

#include <cstdint>
#include <string>

// Private to lpmc/audio.

namespace lpmc::detail {

/// From now on FFmpeg's messages go to lpmc::log at debug level instead of stderr. The callback is
/// one for the whole process; it is installed once.
void route_av_log();

/// Messages of error level that FFmpeg logged on the calling thread so far. Decoders here run on the
/// thread that calls them, so the difference around a call tells whether the call met damage even
/// where FFmpeg conceals it.
std::uint64_t av_errors_logged();

/// "Invalid data found when processing input"
std::string av_error_text(int status);

}  // namespace lpmc::detail
