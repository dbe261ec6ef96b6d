// A program of its own: it replaces operator new to count.

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/inference/bart_decoder.h"

#include "tests/support/tiny_model.h"

namespace {
std::atomic<int> allocations{0};
}

// Kept out of line: inlined, g++ takes the pair of malloc and delete for a mistake.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace lpmc {
namespace {

class StepAllocations : public ::testing::TestWithParam<DType> {};

INSTANTIATE_TEST_SUITE_P(all, StepAllocations, ::testing::Values(DType::f32, DType::bf16, DType::i8),
                         [](const auto& test) { return std::string(to_string(test.param)); });

/// What a decoding is driven with, made before anything is counted.
struct Steps {
  std::vector<std::int32_t> roots, parents, tokens;
};

/// Three segments of five beams, 20 tokens, beams changing places.
/// @return allocations in all steps together
int decode(const BartDecoder& decoder, KvCache& cache, ConstTensorView states, const Steps& steps) {
  decoder.add_segments(cache, states);
  const int before = allocations;
  decoder.step(cache, steps.roots, steps.tokens);
  for (int i = 1; i < 20; ++i)
    decoder.step(cache, steps.parents, steps.tokens);
  decoder.step(cache, {}, {});  // all leave
  return allocations - before;
}

TEST_P(StepAllocations, none_in_a_second_decoding) {
  const test::TinyModel model = test::tiny_model(1);
  const BartDecoder decoder(model.config, model.weights, GetParam());
  const Tensor states = test::random_tensor({3, 13, 36}, 2);
  Steps steps;
  for (std::int32_t row = 0; row < 15; ++row) {
    steps.roots.push_back(row / 5);
    steps.parents.push_back(row / 5 * 5 + row * 7 % 3);
    steps.tokens.push_back(row * 11 % 61);
  }
  KvCache cache;
  EXPECT_GT(decode(decoder, cache, states, steps), 0);  // so that the counter is known to count
  const std::size_t bytes = cache.size_bytes();
  EXPECT_EQ(decode(decoder, cache, states, steps), 0);
  EXPECT_EQ(cache.size_bytes(), bytes);  // tensors do not come from operator new
}

}  // namespace
}  // namespace lpmc
