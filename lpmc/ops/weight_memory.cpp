#include "lpmc/ops/weight_memory.h"

#include <bit>
#include <mutex>
#include <new>

#include <sys/mman.h>

namespace lpmc {
namespace {

constexpr std::size_t kLargePage = std::size_t{2} << 20;
constexpr std::size_t kChunkBytes = std::size_t{32} << 20;
constexpr std::size_t kAlignment = 64;

constexpr std::size_t round_up(std::size_t bytes, std::size_t multiple) {
  return (bytes + multiple - 1) / multiple * multiple;
}

/// Address space in whole large pages; the system gives memory when a page is written first.
class Chunk {
 public:
  explicit Chunk(std::size_t bytes) : mapped_(bytes + kLargePage), left_(bytes) {
    memory_ = ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
    next_ = std::bit_cast<std::byte*>(round_up(std::bit_cast<std::uintptr_t>(memory_), kLargePage));
    // Advice only: whatever the kernel answers, the memory is good.
    ::madvise(next_, bytes, MADV_HUGEPAGE);
  }
  ~Chunk() { ::munmap(memory_, mapped_); }
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;

  /// Null when there is not enough left.
  std::byte* take(std::size_t bytes) {
    if (bytes > left_) return nullptr;
    left_ -= bytes;
    std::byte* taken = next_;
    next_ += bytes;
    return taken;
  }

 private:
  void* memory_ = nullptr;
  std::size_t mapped_;
  std::size_t left_;
  std::byte* next_ = nullptr;
};

}  // namespace

std::shared_ptr<std::byte> weight_memory(std::int64_t bytes) {
  const std::size_t wanted = round_up(static_cast<std::size_t>(bytes), kAlignment);
  if (wanted >= kChunkBytes / 4) {
    auto chunk = std::make_shared<Chunk>(round_up(wanted, kLargePage));
    std::byte* memory = chunk->take(wanted);
    return {std::move(chunk), memory};
  }
  static std::mutex mutex;
  static std::weak_ptr<Chunk> current;  // held by the buffers in it
  const std::lock_guard lock(mutex);
  std::shared_ptr<Chunk> chunk = current.lock();
  std::byte* memory = chunk ? chunk->take(wanted) : nullptr;
  if (memory == nullptr) {
    chunk = std::make_shared<Chunk>(kChunkBytes);
    current = chunk;
    memory = chunk->take(wanted);
  }
  return {std::move(chunk), memory};
}

}  // namespace lpmc
