#include "lpmc/audio/library_version.h"

#include <fmt/format.h>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libswresample/swresample.h>
}

#include <taglib/taglib.h>

namespace lpmc {
namespace {

std::string dotted(unsigned version) {
  return fmt::format("{}.{}.{}", AV_VERSION_MAJOR(version), AV_VERSION_MINOR(version),
                     AV_VERSION_MICRO(version));
}

}  // namespace

std::string audio_library_version() {
  return fmt::format(
      "FFmpeg {} (libavformat {}, libavcodec {}, libavutil {}, libswresample {}), TagLib {}.{}.{}",
      av_version_info(), dotted(avformat_version()), dotted(avcodec_version()), dotted(avutil_version()),
      dotted(swresample_version()), TAGLIB_MAJOR_VERSION, TAGLIB_MINOR_VERSION, TAGLIB_PATCH_VERSION);
}

}  // namespace lpmc
