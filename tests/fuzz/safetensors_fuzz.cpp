// Any bytes as a safetensors file.

#include <cstddef>
#include <cstdint>
#include <span>

#include "lpmc/base/error.h"
#include "lpmc/checkpoint/foreign_format.h"
#include "lpmc/checkpoint/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  lpmc::describe_foreign_file(bytes);
  try {
    for (const lpmc::StoredTensor& tensor : lpmc::read_safetensors(bytes, "fuzz.safetensors").tensors) {
      lpmc::read_tensor(tensor);
    }
  } catch (const lpmc::Error&) {
  }
  return 0;
}
