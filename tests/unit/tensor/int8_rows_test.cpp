#include "lpmc/tensor/int8_rows.h"

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/matchers.h"
#include "tests/support/reference_ops.h"

namespace lpmc {
namespace {

using test::random_tensor;
using test::ThrowsLpmc;

TEST(Int8Rows, TheLargestValueIs127AndHalvesGoToEven) {
  const std::array<float, 6> x = {127.0F, -127.0F, 2.5F, 3.5F, -0.5F, 0.0F};
  std::array<std::int8_t, 6> q{};
  EXPECT_EQ(quantize_row(x, q), 1.0F);
  EXPECT_EQ(q, (std::array<std::int8_t, 6>{127, -127, 2, 4, 0, 0}));
}

TEST(Int8Rows, ARowOfZerosHasScaleOne) {
  const std::array<float, 3> x = {0.0F, -0.0F, 0.0F};
  std::array<std::int8_t, 3> q = {1, 1, 1};
  EXPECT_EQ(quantize_row(x, q), 1.0F);
  EXPECT_EQ(q, (std::array<std::int8_t, 3>{0, 0, 0}));
}

TEST(Int8Rows, TheSmallestNumbersDoNotDivideByZero) {
  const std::array<float, 2> x = {std::numeric_limits<float>::denorm_min(), 0.0F};
  std::array<std::int8_t, 2> q{};
  const float scale = quantize_row(x, q);
  EXPECT_TRUE(std::isfinite(scale));
  EXPECT_LE(std::abs(static_cast<float>(q[0]) * scale - x[0]), x[0]);
}

TEST(Int8Rows, EveryElementComesBackWithinHalfAStep) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    const Tensor stored = convert_from_float(random_tensor({7, 5, 3}, 4), dtype);
    Tensor x({7, 5, 3}), back({7, 5, 3});
    convert_to_float(stored, x);
    const Int8Rows rows = quantize_rows(stored);
    EXPECT_EQ(rows.values.shape(), x.shape());
    EXPECT_EQ(rows.scales.shape(), Shape({7}));
    dequantize_rows(rows.values, rows.scales, back);
    for (std::int64_t i = 0; i < x.elements(); ++i) {
      const float scale = rows.scales.data<float>()[i / 15];
      // half a step, and the rounding of value * scale
      EXPECT_LE(std::abs(x.data<float>()[i] - back.data<float>()[i]), scale * 0.50001F);
    }
  }
}

TEST(Int8Rows, AShiftedRowUsesTheWholeRange) {
  const std::array<float, 4> x = {-1.0F, 0.0F, 126.5F, 253.0F};
  std::array<std::int8_t, 4> q{};
  const ShiftedRow row = quantize_shifted_row(x, q);
  EXPECT_EQ(row.scale, 1.0F);
  EXPECT_EQ(row.zero, 126);
  EXPECT_EQ(q, (std::array<std::int8_t, 4>{-127, -126, 0, 127}));
}

TEST(Int8Rows, AShiftedRowFarFromZeroStillHoldsZero) {
  const std::array<float, 2> x = {1000.0F, 1001.0F};
  std::array<std::int8_t, 2> q{};
  const ShiftedRow row = quantize_shifted_row(x, q);
  EXPECT_EQ(row.zero, 127);
  for (std::size_t i = 0; i < x.size(); ++i)
    EXPECT_NEAR(row.scale * static_cast<float>(q[i] + row.zero), x[i], row.scale * 0.51F);
}

TEST(Int8Rows, EveryElementOfAShiftedRowComesBackWithinAStep) {
  for (const float middle : {-3.0F, -0.5F, 0.0F, 0.1F, 2.0F}) {
    Tensor x = random_tensor({1, 500}, 5);
    for (float& value : x.mutable_values<float>())
      value += middle;
    std::vector<std::int8_t> q(500);
    const ShiftedRow row = quantize_shifted_row(x.values<float>(), q);
    for (std::size_t i = 0; i < q.size(); ++i) {
      // half a step, and another half at the ends, where the middle was rounded
      EXPECT_NEAR(row.scale * static_cast<float>(q[i] + row.zero), x.values<float>()[i], row.scale * 1.001F);
    }
  }
}

TEST(Int8Rows, ShiftedRowsOfZerosAndOfTheSmallestNumbers) {
  std::array<std::int8_t, 2> q = {1, 1};
  for (const float least : {0.0F, std::numeric_limits<float>::denorm_min()}) {
    const ShiftedRow row = quantize_shifted_row(std::array{least, -0.0F}, q);
    EXPECT_EQ(row.scale, 1.0F);
    EXPECT_EQ(row.zero, 0);
    EXPECT_EQ(q, (std::array<std::int8_t, 2>{0, 0}));
  }
  constexpr float kMost = std::numeric_limits<float>::max();
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -kMost}) {
    EXPECT_THAT(
        [&] {
          quantize_shifted_row(std::array{kMost, bad}, q);
        },
        ThrowsLpmc(ErrorKind::invalid_argument, "expected finite"));
  }
}

TEST(Int8Rows, WhatIsNotFiniteIsAnError) {
  std::array<std::int8_t, 1> q{};
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const std::array<float, 1> x = {bad};
    EXPECT_THAT([&] { quantize_row(x, q); }, ThrowsLpmc(ErrorKind::invalid_argument, "expected finite"));
  }
}

TEST(Int8Rows, OtherShapesAreErrors) {
  const Int8Rows rows = quantize_rows(random_tensor({2, 3}, 1));
  Tensor out({2, 3}), other({3, 2});
  EXPECT_THAT([&] { dequantize_rows(rows.values, random_tensor({3}, 1), out); },
              ThrowsLpmc(ErrorKind::invalid_argument, "scales: expected [2], found [3]"));
  EXPECT_THAT([&] { dequantize_rows(rows.values, rows.scales, other); },
              ThrowsLpmc(ErrorKind::invalid_argument, "out: expected [2, 3], found [3, 2]"));
}

}  // namespace
}  // namespace lpmc
