// Any bytes as an audio file: reading them either works or throws lpmc::Error.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include "lpmc/audio/clips.h"
#include "lpmc/audio/decode.h"
#include "lpmc/base/error.h"

namespace {

/// A file in memory, the same one every time.
int memory_file() {
  static const int file = ::memfd_create("audio", MFD_CLOEXEC);
  if (file < 0) std::abort();
  return file;
}

void fill(int file, const std::uint8_t* data, std::size_t size) {
  if (::ftruncate(file, 0) != 0) std::abort();
  if (::pwrite(file, data, size, 0) != static_cast<ssize_t>(size)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int file = memory_file();
  fill(file, data, size);
  lpmc::DecodeOptions options;
  if (size % 4 == 3) options.start_s = 61;  // far enough for a seek
  options.duration_s = 20;
  try {
    lpmc::AudioReader reader("/proc/self/fd/" + std::to_string(file), options);
    lpmc::ClipReader clips(reader, {2.0, 1.5, lpmc::Tail::pad, 0.5});
    lpmc::Clip clip;
    while (clips.next(clip)) {
      for (const float x : clip.waveform.values<float>()) {
        if (!(x >= -1.0F && x < 1.0F)) std::abort();
      }
    }
    if (clips.total_samples() > 20 * 16000) std::abort();
    if (reader.info().channels < 1) std::abort();
  } catch (const lpmc::Error&) {
  }
  return 0;
}
