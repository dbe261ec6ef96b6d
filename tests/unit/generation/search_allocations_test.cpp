// A step of a search allocates nothing once the search is warm: this program counts every operator new.

#include <atomic>
#include <cstdlib>
#include <new>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/generation/generate.h"

namespace {

std::atomic<long> allocations{0};

void* allocate_or_null(std::size_t size) noexcept {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size == 0 ? 1 : size);
}

void* allocate(std::size_t size) {
  if (void* memory = allocate_or_null(size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate(size);
}
void* operator new[](std::size_t size) {
  return allocate(size);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate_or_null(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return allocate_or_null(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace lpmc {
namespace {

struct Count {
  int steps = 0;         // counted ones
  long allocations = 0;  // in them
};

/// Random logits, the end token often among the best, until the search is done.
Count run(GenerationOptions options, bool early_end) {
  constexpr std::int64_t kVocab = 1100;
  constexpr int kWarmSteps = 3;
  std::mt19937 random(11);
  std::normal_distribution<float> normal(0.0F, 2.0F);
  SegmentSearch search(options, {}, kVocab);
  Count count;
  std::vector<float> logits;
  for (int step = 0; !search.done(); ++step) {
    const auto rows = static_cast<std::int64_t>(search.tokens().size());
    logits.resize(static_cast<std::size_t>(rows * kVocab));
    for (float& logit : logits)
      logit = normal(random);
    if (early_end) {
      for (std::int64_t row = 0; row < rows; ++row)
        logits[static_cast<std::size_t>(row * kVocab + 2)] = 6.0F;
    }
    const long before = allocations.load();
    search.advance(TensorView(logits.data(), DType::f32, {rows, kVocab}));
    if (step < kWarmSteps) continue;
    ++count.steps;
    count.allocations += allocations.load() - before;
  }
  EXPECT_EQ(search.take_hypotheses().size(), static_cast<std::size_t>(options.n_best));
  return count;
}

TEST(SearchAllocations, AreCounted) {
  const long before = allocations.load();
  std::vector<int> vector(3);
  EXPECT_GT(allocations.load(), before);
  EXPECT_EQ(vector.size(), 3U);
}

TEST(SearchAllocations, NoneInAStepOfBeamSearch) {
  for (const int num_beams : {2, 5, 64}) {
    for (const double repetition_penalty : {1.0, 1.3}) {
      for (const bool early_end : {false, true}) {
        GenerationOptions options;
        options.num_beams = num_beams;
        options.n_best = num_beams;
        options.repetition_penalty = repetition_penalty;
        options.max_length = 60;
        options.early_stopping = false;
        options.length_penalty = early_end ? 2.0 : 1.0;
        const Count count = run(options, early_end);
        EXPECT_GT(count.steps, 10);
        EXPECT_EQ(count.allocations, 0) << num_beams << " " << repetition_penalty << " " << early_end;
      }
    }
  }
}

TEST(SearchAllocations, NoneInAStepOfGreedySearch) {
  GenerationOptions options;
  options.num_beams = 1;
  for (const double repetition_penalty : {1.0, 1.3}) {
    options.repetition_penalty = repetition_penalty;
    const Count count = run(options, false);
    EXPECT_GT(count.steps, 10);
    EXPECT_EQ(count.allocations, 0);
  }
}

}  // namespace
}  // namespace lpmc
