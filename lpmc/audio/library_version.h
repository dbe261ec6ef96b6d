#pragma once

#include <string>

namespace lpmc {

/// The libraries in use behind audio: "FFmpeg 5.1.6 (libavformat 59.27.100, ...), TagLib 1.13.0". As found
/// at run time; TagLib tells only at build time.
std::string audio_library_version();

}  // namespace lpmc
