// Every variant of the inner loops against plain loops over the packed bytes.

#include "lpmc/ops/product_kernels.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/tensor/dtype.h"

namespace lpmc::products {
namespace {

constexpr std::byte kGuard{0xA5};

struct Operands {
  std::int64_t rows, groups, panels;
  std::vector<std::byte> a, b, c;

  Operands(std::int64_t r, std::int64_t g, std::int64_t p)
      : rows(r),
        groups(g),
        panels(p),
        a(static_cast<std::size_t>(r * g * kGroupBytes)),
        b(static_cast<std::size_t>(p * g * kPanelRowBytes)),
        c(static_cast<std::size_t>(r * c_stride()), kGuard) {}

  /// A row of c has a guard of one panel row behind it.
  std::int64_t c_stride() const { return (panels + 1) * kPanelRowBytes; }

  void run(Kernel kernel) {
    kernel({.a = a.data(),
            .a_stride = groups * kGroupBytes,
            .rows = rows,
            .groups = groups,
            .b = b.data(),
            .panels = panels,
            .c = c.data(),
            .c_stride = c_stride()});
  }

  const std::byte* a_group(std::int64_t row, std::int64_t group) const {
    return a.data() + (row * groups + group) * kGroupBytes;
  }
  const std::byte* b_group(std::int64_t column, std::int64_t group) const {
    return b.data() + (column / kPanelColumns * groups + group) * kPanelRowBytes +
           column % kPanelColumns * kGroupBytes;
  }
  template <class T>
  T result(std::int64_t row, std::int64_t column) const {
    T value;
    std::memcpy(&value, c.data() + row * c_stride() + column * kGroupBytes, sizeof value);
    return value;
  }
  bool guards_stand() const {
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t i = panels * kPanelRowBytes; i < c_stride(); ++i) {
        if (c[static_cast<std::size_t>(row * c_stride() + i)] != kGuard) return false;
      }
    }
    return true;
  }
};

template <class T>
T at(const std::byte* p, std::int64_t index) {
  T value;
  std::memcpy(&value, p + index * static_cast<std::int64_t>(sizeof(T)), sizeof value);
  return value;
}

template <class Check>
void for_variants_and_sizes(const Check& check) {
  const Table* tables[kMostVariants];
  const int count = supported(tables);
  for (int i = 0; i < count; ++i) {
    for (std::int64_t rows = 1; rows <= 33; ++rows)
      check(*tables[i], Operands(rows, 32, 3));
    for (const std::int64_t panels : {1, 2, 4, 5, 9})
      check(*tables[i], Operands(15, 16, panels));
    check(*tables[i], Operands(130, 48, 2));
    check(*tables[i], Operands(1, 768, 2));
  }
}

TEST(ProductKernels, int8_sums_are_exact_at_the_extremes_and_between) {
  std::mt19937 random(1);
  for_variants_and_sizes([&](const Table& table, Operands o) {
    if (table.int8.multiply == nullptr) return;
    // Every tenth product takes the largest values there are, where 16-bit sums would overflow.
    const bool extreme = random() % 10 == 0;
    for (std::byte& x : o.a)
      x = static_cast<std::byte>(
          static_cast<std::int8_t>(extreme ? 127 : static_cast<int>(random() % 255) - 127));
    for (std::byte& w : o.b)
      w = static_cast<std::byte>(extreme ? 255 : random() % 255 + 1);
    o.run(table.int8.multiply);
    for (std::int64_t row = 0; row < o.rows; ++row) {
      for (std::int64_t column = 0; column < o.panels * kPanelColumns; ++column) {
        std::int32_t expected = 0;
        for (std::int64_t i = 0; i < 4 * o.groups; ++i) {
          const int q = static_cast<int>(at<std::uint8_t>(o.b_group(column, i / 4), i % 4)) - 128;
          expected += at<std::int8_t>(o.a_group(row, i / 4), i % 4) * (q + table.int8.offset);
        }
        ASSERT_EQ(o.result<std::int32_t>(row, column), expected)
            << table.name << " row " << row << " of " << o.rows << " column " << column;
      }
    }
    EXPECT_TRUE(o.guards_stand()) << table.name;
  });
}

TEST(ProductKernels, bfloat16_sums_are_within_float_rounding) {
  std::mt19937 random(2);
  std::uniform_real_distribution<float> uniform(-1.0F, 1.0F);
  for_variants_and_sizes([&](const Table& table, Operands o) {
    if (table.bf16 == nullptr) return;
    for (auto* side : {&o.a, &o.b}) {
      for (std::size_t i = 0; i < side->size(); i += 2) {
        const BFloat16 value = to_bfloat16(uniform(random));
        std::memcpy(side->data() + i, &value, sizeof value);
      }
    }
    o.run(table.bf16);
    for (std::int64_t row = 0; row < o.rows; ++row) {
      for (std::int64_t column = 0; column < o.panels * kPanelColumns; ++column) {
        double expected = 0, magnitude = 0;
        for (std::int64_t i = 0; i < 2 * o.groups; ++i) {
          const double product = static_cast<double>(to_float(at<BFloat16>(o.a_group(row, i / 2), i % 2))) *
                                 static_cast<double>(to_float(at<BFloat16>(o.b_group(column, i / 2), i % 2)));
          expected += product;
          magnitude += std::abs(product);
        }
        // Products of bfloat16 are exact; each of 2 * groups additions rounds a sum of at most `magnitude`.
        const double tolerance = static_cast<double>(2 * o.groups) * 0x1p-24 * magnitude;
        ASSERT_NEAR(static_cast<double>(o.result<float>(row, column)), expected, tolerance)
            << table.name << " row " << row << " of " << o.rows << " column " << column;
      }
    }
    EXPECT_TRUE(o.guards_stand()) << table.name;
  });
}

TEST(ProductKernels, float_sums_are_within_float_rounding) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> uniform(-1.0F, 1.0F);
  for_variants_and_sizes([&](const Table& table, Operands o) {
    if (table.f32 == nullptr) return;
    for (auto* side : {&o.a, &o.b}) {
      for (std::size_t i = 0; i < side->size(); i += 4) {
        const float value = uniform(random);
        std::memcpy(side->data() + i, &value, sizeof value);
      }
    }
    o.run(table.f32);
    for (std::int64_t row = 0; row < o.rows; ++row) {
      for (std::int64_t column = 0; column < o.panels * kPanelColumns; ++column) {
        double expected = 0, magnitude = 0;
        for (std::int64_t i = 0; i < o.groups; ++i) {
          const double product = static_cast<double>(at<float>(o.a_group(row, i), 0)) *
                                 static_cast<double>(at<float>(o.b_group(column, i), 0));
          expected += product;
          magnitude += std::abs(product);
        }
        // Each product and each addition may round.
        const double tolerance = static_cast<double>(o.groups + 1) * 0x1p-24 * magnitude;
        ASSERT_NEAR(static_cast<double>(o.result<float>(row, column)), expected, tolerance)
            << table.name << " row " << row << " of " << o.rows << " column " << column;
      }
    }
    EXPECT_TRUE(o.guards_stand()) << table.name;
  });
}

/// Rows one by one and all together, in every type: the same bits.
TEST(ProductKernels, a_row_does_not_depend_on_its_company) {
  std::mt19937 random(4);
  std::uniform_real_distribution<float> uniform(-1.0F, 1.0F);
  const Table* tables[kMostVariants];
  const int count = supported(tables);
  for (int i = 0; i < count; ++i) {
    for (const Kernel kernel : {tables[i]->f32, tables[i]->bf16, tables[i]->int8.multiply}) {
      if (kernel == nullptr) continue;
      for (const std::int64_t rows : {2, 5, 15, 16, 17, 33, 90}) {
        Operands all(rows, 64, 5);
        for (auto* side : {&all.a, &all.b}) {
          for (std::size_t j = 0; j < side->size(); j += 2) {
            const BFloat16 value = to_bfloat16(uniform(random));  // read as any of the types
            std::memcpy(side->data() + j, &value, sizeof value);
          }
        }
        all.run(kernel);
        for (std::int64_t row = 0; row < rows; ++row) {
          Operands one(1, all.groups, all.panels);
          one.b = all.b;
          std::memcpy(one.a.data(), all.a_group(row, 0), one.a.size());
          one.run(kernel);
          ASSERT_EQ(0, std::memcmp(one.c.data(), all.c.data() + row * all.c_stride(),
                                   static_cast<std::size_t>(all.panels * kPanelRowBytes)))
              << tables[i]->name << " row " << row << " of " << rows;
        }
      }
    }
  }
}

}  // namespace
}  // namespace lpmc::products
