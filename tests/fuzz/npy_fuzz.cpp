// NumPy arrays: any bytes to a waveform or an error.

#include <cstddef>
#include <cstdint>
#include <span>

#include "lpmc/audio/npy.h"
#include "lpmc/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    lpmc::npy_samples(std::as_bytes(std::span(data, size)), "fuzz");
  } catch (const lpmc::Error&) {
  }
  return 0;
}
