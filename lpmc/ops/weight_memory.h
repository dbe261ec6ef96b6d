#pragma once

// Private to ops: memory that products stream through.

#include <cstddef>
#include <cstdint>
#include <memory>

namespace lpmc {

/// `bytes` of uninitialised memory, 64-byte aligned. Buffers that are asked for one after another lie side
/// by side in large pages: the weights of a layer are mostly smaller than a large page (2 MiB) and would
/// alone lie in small ones, whose translation costs as much as their reading. A chunk of memory goes back
/// to the system with the last buffer in it. Any thread.
std::shared_ptr<std::byte> weight_memory(std::int64_t bytes);

}  // namespace lpmc
