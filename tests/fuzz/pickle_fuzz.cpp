// Any bytes as the pickle of a checkpoint whose archive has three storages: 0 and 1 of 64 bytes, 2 empty.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "lpmc/base/error.h"
#include "lpmc/checkpoint/pickle_reader.h"
#include "lpmc/checkpoint/pth_file.h"
#include "lpmc/checkpoint/zip_archive.h"
#include "lpmc/checkpoint/zip_writer.h"

namespace {

std::string storages() {
  std::string bytes;
  lpmc::ZipWriter zip([&](std::span<const std::byte> part) {
    bytes.append(reinterpret_cast<const char*>(part.data()), part.size());
  });
  const std::string values(64, 'v');
  zip.add("m/data/0", std::as_bytes(std::span(values)));
  zip.add("m/data/1", std::as_bytes(std::span(values)));
  zip.add("m/data/2", {});
  zip.finish();
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string bytes = storages();
  static const lpmc::ZipArchive archive(std::as_bytes(std::span(bytes)), "fuzz.pth");
  try {
    const lpmc::Pickle pickle = lpmc::read_pickle(std::as_bytes(std::span(data, size)), "fuzz.pth: data.pkl");
    for (const lpmc::StoredTensor& tensor : lpmc::tensors_of_checkpoint(pickle, archive, "m").tensors) {
      constexpr std::int64_t kQuick = 1 << 16;
      if (tensor.shape.elements() <= kQuick) lpmc::read_tensor(tensor);
    }
  } catch (const lpmc::Error&) {
  }
  return 0;
}
