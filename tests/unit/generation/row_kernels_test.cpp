#include "lpmc/generation/row_kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <span>
#include <vector>

#include <gtest/gtest.h>

namespace lpmc {
namespace {

using row_kernels::kBlocks;
using row_kernels::kStretch;
using row_kernels::Table;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<const Table*> variants() {
  const Table* tables[3];
  const int count = row_kernels::supported(tables);
  return {tables, tables + count};
}

std::vector<float> random_stretch(std::mt19937& random, std::size_t size) {
  std::uniform_real_distribution<float> uniform(-20.0F, 0.0F);
  std::vector<float> stretch(size);
  for (float& value : stretch)
    value = random() % 10 == 0 ? -kInfinity : uniform(random);
  return stretch;
}

TEST(RowKernels, BlockMaximaPassOverNaN) {
  std::mt19937 random(1);
  for (std::size_t size = 1; size <= kStretch; size += size < 140 ? 1 : 37) {
    std::vector<float> stretch = random_stretch(random, size);
    std::vector<float> expected(kBlocks, -kInfinity);
    for (std::size_t i = 0; i < size; ++i) {
      if (random() % 7 == 0) stretch[i] = std::numeric_limits<float>::quiet_NaN();
      if (stretch[i] > expected[i % kBlocks]) expected[i % kBlocks] = stretch[i];
    }
    for (const Table* table : variants()) {
      std::vector<float> maxima(kBlocks, 5.0F);
      EXPECT_EQ(table->block_maxima(stretch.data(), size, maxima.data()),
                *std::max_element(expected.begin(), expected.end()))
          << table->name;
      EXPECT_EQ(maxima, expected) << table->name << " " << size;
    }
  }
}

TEST(RowKernels, SumsOfExponentials) {
  std::mt19937 random(2);
  for (std::size_t size = 1; size <= kStretch; size += size < 140 ? 1 : 37) {
    const std::vector<float> stretch = random_stretch(random, size);
    double expected = 0;
    for (const float x : stretch)
      expected += x < -87 ? 0.0 : std::exp(static_cast<double>(x));
    for (const Table* table : variants()) {
      // The bound of the header; 1.7e-38 for each impossible one is nothing beside it, but where they
      // are alone.
      EXPECT_NEAR(table->sum_exp(stretch.data(), size, 0), expected,
                  expected * (0x1p-22 + 17 * 0x1p-24) + 1024 * 1.7e-38)
          << table->name << " " << size;
    }
  }
}

TEST(RowKernels, ExponentialsOverTheWholeRange) {
  for (const Table* table : variants()) {
    for (float x = 0; x > -86.99F; x -= 0.00371F) {
      const double expected = std::exp(static_cast<double>(x));
      ASSERT_NEAR(table->sum_exp(&x, 1, 0), expected, expected * 0x1p-22 + 63 * 1.7e-38) << x;
    }
    for (const float x : {-88.0F, -1e30F, -kInfinity})
      EXPECT_LE(table->sum_exp(&x, 1, 0), 64 * 1.7e-38);
  }
}

TEST(RowKernels, NaNShowsInTheSum) {
  std::mt19937 random(3);
  for (const std::size_t size : {1U, 63U, 64U, 65U, 1024U}) {
    for (std::size_t at = 0; at < size; ++at) {
      std::vector<float> stretch(size, -1.0F);
      stretch[at] = std::numeric_limits<float>::quiet_NaN();
      for (const Table* table : variants())
        EXPECT_TRUE(std::isnan(table->sum_exp(stretch.data(), size, 0))) << table->name;
      stretch[at] = kInfinity;
      for (const Table* table : variants())
        EXPECT_TRUE(std::isnan(table->sum_exp(stretch.data(), size, kInfinity))) << table->name;
    }
  }
}

TEST(RowKernels, VariantsGiveTheSameBits) {
  std::mt19937 random(4);
  for (int repeat = 0; repeat < 2000; ++repeat) {
    const std::size_t size = 1 + random() % kStretch;
    const std::vector<float> stretch = random_stretch(random, size);
    const double sum = variants().front()->sum_exp(stretch.data(), size, 0.37F);
    for (const Table* table : variants()) {
      EXPECT_EQ(std::bit_cast<std::uint64_t>(table->sum_exp(stretch.data(), size, 0.37F)),
                std::bit_cast<std::uint64_t>(sum))
          << table->name;
    }
  }
}

}  // namespace
}  // namespace lpmc
