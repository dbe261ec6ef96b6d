// Any bytes as a zip archive, and as the checkpoint it may hold.

#include <cstddef>
#include <cstdint>
#include <span>

#include "lpmc/base/error.h"
#include "lpmc/checkpoint/pth_file.h"
#include "lpmc/checkpoint/zip_archive.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    const lpmc::ZipArchive archive(bytes, "fuzz.pth");
    for (const lpmc::ZipEntry& entry : archive.entries()) {
      try {
        archive.verify_checksum(entry);  // reads every byte
      } catch (const lpmc::Error&) {
      }
    }
    for (const lpmc::StoredTensor& tensor : lpmc::read_pth(bytes, "fuzz.pth").tensors)
      lpmc::read_tensor(tensor);
  } catch (const lpmc::Error&) {
  }
  return 0;
}
