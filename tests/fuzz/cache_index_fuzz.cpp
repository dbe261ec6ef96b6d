// The index of a waveform cache. The first byte is how many entries it should have. A fuzzer does not guess
// checksums, so that entries made of the input are appended to it as well.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "lpmc/audio/cache_index.h"
#include "lpmc/base/error.h"

namespace {

void read(std::string_view bytes, std::uint64_t entries) {
  try {
    const lpmc::detail::CacheIndex index(std::as_bytes(std::span(bytes)), entries, "fuzz");
    for (std::size_t i = 0; i < index.size(); ++i) {
      if (index.find(index.entry(i).id) != i) std::abort();
    }
  } catch (const lpmc::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(static_cast<const char*>(static_cast<const void*>(data)) + 1, size - 1);
  read(text, data[0]);
  std::string index;
  std::uint64_t entries = 0;
  for (std::string_view left = text; !left.empty() && entries < 1000; ++entries) {
    const std::size_t id_bytes = static_cast<unsigned char>(left.front());
    const std::string_view id = left.substr(1, id_bytes);
    lpmc::detail::append_cache_entry(index, {.id = id,
                                             .source = text.substr(0, id_bytes),
                                             .shard = static_cast<std::uint32_t>(id_bytes),
                                             .offset = left.size(),
                                             .samples = text.size()});
    left.remove_prefix(1 + id.size());
  }
  read(index, entries);
  return 0;
}
