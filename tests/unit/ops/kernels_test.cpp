// Every instruction set's variant of the inner loops, not only the one this machine prefers.

#include "lpmc/ops/kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/reference_ops.h"

namespace lpmc {
namespace {

using test::Matrix;
using test::random_tensor;

constexpr double kEpsilon = 1.1920929e-7;

class Kernels : public ::testing::TestWithParam<const kernels::Table*> {};

std::vector<const kernels::Table*> supported() {
  const kernels::Table* tables[3];
  const int count = kernels::supported(tables);
  return {tables, tables + count};
}

INSTANTIATE_TEST_SUITE_P(all, Kernels, ::testing::ValuesIn(supported()),
                         [](const auto& test) { return std::string(test.param->name); });

TEST_P(Kernels, gelu_is_the_exact_one) {
  std::vector<float> x;
  for (int i = -1200000; i <= 1200000; ++i)
    x.push_back(static_cast<float>(i) * 1e-5F);  // [-12, 12]
  for (const float large : {20.0F, -20.0F, 1e4F, -1e4F, 3e38F, -3e38F, 0.0F, -0.0F, 1e-30F})
    x.push_back(large);
  std::vector<float> y(x.size());
  GetParam()->gelu(x.data(), y.data(), static_cast<std::int64_t>(x.size()));
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double error =
        std::abs(static_cast<double>(y[i]) - test::reference_gelu(static_cast<double>(x[i])));
    // x / 2 (1 + erf): erf within 1.5e-7, the sum rounded at up to 2, the product at up to x.
    const double tolerance = std::abs(static_cast<double>(x[i])) * (0.5 * 1.5e-7 + 2 * kEpsilon) + 1e-37;
    worst = std::max(worst, error / tolerance);
  }
  EXPECT_LE(worst, 1.0);
}

TEST_P(Kernels, gelu_of_nan_is_nan) {
  const float x = std::nanf("");
  float y = 0;
  GetParam()->gelu(&x, &y, 1);
  EXPECT_TRUE(std::isnan(y));
}

TEST_P(Kernels, softmax_of_any_length) {
  for (const std::int64_t size : {1, 2, 3, 15, 16, 17, 31, 64, 127, 1000}) {
    const Tensor x = random_tensor({1, size}, static_cast<std::uint32_t>(size), 8.0);
    std::vector<float> y(static_cast<std::size_t>(size));
    GetParam()->softmax(x.data<float>(), y.data(), size);
    const Matrix expected = test::reference_softmax(test::to_matrix(x));
    for (std::int64_t i = 0; i < size; ++i) {
      const double value = expected.at(0, i);
      // exp: 3e-7 relative and x - max (below 60) rounded; the sum: one rounding a term at most.
      const double relative = 3e-7 + 60 * kEpsilon + static_cast<double>(size) * kEpsilon;
      EXPECT_NEAR(y[static_cast<std::size_t>(i)], value, value * relative + 1e-38) << size;
    }
  }
}

TEST_P(Kernels, softmax_of_far_apart_values) {
  const std::vector<float> x = {-3e38F, 0.0F, -200.0F, -80.0F};
  std::vector<float> y(4);
  GetParam()->softmax(x.data(), y.data(), 4);
  EXPECT_EQ(y[0], 0.0F);
  EXPECT_EQ(y[1], 1.0F);
  EXPECT_EQ(y[2], 0.0F);
  EXPECT_NEAR(y[3] / std::exp(-80.0), 1.0, 1e-6);
}

TEST_P(Kernels, layer_norm_of_any_length) {
  for (const std::int64_t size : {1, 2, 7, 16, 64, 100, 768}) {
    const auto seed = static_cast<std::uint32_t>(size);
    Tensor x = random_tensor({1, size}, seed, 3.0);
    for (float& value : x.mutable_values<float>())
      value += 10.0F;  // a mean worth subtracting
    const Tensor weight = random_tensor({1, size}, seed + 1);
    const Tensor bias = random_tensor({1, size}, seed + 2);
    std::vector<float> y(static_cast<std::size_t>(size));
    GetParam()->layer_norm({.x = x.data<float>(),
                            .weight = weight.data<float>(),
                            .bias = bias.data<float>(),
                            .y = y.data(),
                            .size = size,
                            .epsilon = 1e-5F});
    const Matrix expected =
        test::reference_layer_norm(test::to_matrix(x), test::to_matrix(weight), test::to_matrix(bias), 1e-5);
    // x - mean carries the rounding of values up to 21 and of the mean (a sum over lanes, at most
    // size / 4 + 8 long), and is divided by a deviation of 2 or more (1e-5 ^ 0.5 for one element, whose
    // x - mean is exactly 0); |weight| <= 3.5.
    const double roundings = static_cast<double>(size) / 4 + 8;
    const double tolerance = size == 1 ? 1e-6 : 21 * kEpsilon * roundings / 0.5 * 3.5;
    EXPECT_LE(test::max_difference(y, expected.values), tolerance) << size;
  }
}

TEST_P(Kernels, finish_rows_leaves_the_neighbours_alone) {
  constexpr std::int64_t kStride = 40, kSumsStride = 48;
  for (const std::int64_t columns : {1, 15, 16, 17, 33}) {
    std::vector<float> y(3 * kStride, 2.0F);
    std::vector<float> sums(3 * kSumsStride, 2.0F);
    const std::vector<float> bias(static_cast<std::size_t>(columns), 0.5F);
    const std::vector<float> residual(3 * kStride, 0.25F);
    GetParam()->finish_rows({.sums = sums.data(),
                             .sums_stride = kSumsStride,
                             .y = y.data() + 3,
                             .y_stride = kStride,
                             .rows = 3,
                             .columns = columns,
                             .bias = bias.data(),
                             .residual = residual.data(),
                             .gelu = true});
    for (std::int64_t i = 0; i < 3 * kStride; ++i) {
      const std::int64_t column = i % kStride - 3;
      const double expected = column >= 0 && column < columns ? test::reference_gelu(2.5) + 0.25 : 2.0;
      EXPECT_NEAR(y[static_cast<std::size_t>(i)], expected, 1e-6) << i;
    }
  }
}

TEST_P(Kernels, finish_rows_scales_integer_sums) {
  constexpr std::int64_t kColumns = 19;
  std::vector<float> y(2 * kColumns);
  const std::vector<float> row_scales{0.5F, 2.0F};
  const std::vector<std::int32_t> row_sums{3, -7}, zeros{-2, 5};
  std::vector<float> column_scales, bias;
  std::vector<std::int32_t> totals, column_sums;
  for (std::int64_t i = 0; i < kColumns; ++i) {
    column_scales.push_back(0.25F * static_cast<float>(i + 1));
    bias.push_back(static_cast<float>(i) - 4.0F);
    column_sums.push_back(static_cast<std::int32_t>(31 * i - 100));
  }
  for (std::int64_t i = 0; i < 2 * kColumns; ++i)
    totals.push_back(static_cast<std::int32_t>(1000 - 77 * i));
  std::vector<float> sums(totals.size());
  std::memcpy(sums.data(), totals.data(), totals.size() * sizeof(float));
  GetParam()->finish_rows({.sums = sums.data(),
                           .sums_stride = kColumns,
                           .y = y.data(),
                           .y_stride = kColumns,
                           .rows = 2,
                           .columns = kColumns,
                           .row_scales = row_scales.data(),
                           .row_sums = row_sums.data(),
                           .zeros = zeros.data(),
                           .column_scales = column_scales.data(),
                           .column_sums = column_sums.data(),
                           .offset = 128,
                           .bias = bias.data()});
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t row = i / kColumns, column = i % kColumns;
    // Every value is a small multiple of 1/8: exact.
    EXPECT_EQ(y[i], static_cast<float>(totals[i] - 128 * row_sums[row] + zeros[row] * column_sums[column]) *
                            row_scales[row] * column_scales[column] +
                        bias[column])
        << i;
  }
}

}  // namespace
}  // namespace lpmc
