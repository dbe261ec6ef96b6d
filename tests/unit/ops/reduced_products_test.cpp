// Linear layers and convolutions computed in bfloat16 and int8.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/base/threads.h"
#include "lpmc/ops/conv1d.h"
#include "lpmc/ops/linear.h"
#include "lpmc/tensor/int8_rows.h"

#include "tests/support/matchers.h"
#include "tests/support/reference_ops.h"

namespace lpmc {
namespace {

using test::random_tensor;
using test::ThrowsLpmc;

/// The left-hand side that arithmetic in `dtype` sees: rounded, or quantized by row as it is at run time.
Tensor left_as_seen(ConstTensorView x, DType dtype) {
  Tensor seen(x.shape());
  if (dtype != DType::i8) {
    convert_to_float(convert_from_float(x, dtype), seen);
    return seen;
  }
  const std::int64_t width = x.size(1);
  std::vector<std::int8_t> q(static_cast<std::size_t>(width));
  for (std::int64_t row = 0; row < x.size(0); ++row) {
    const ShiftedRow shifted = quantize_shifted_row(x[row].values<float>(), q);
    for (std::int64_t i = 0; i < width; ++i)
      seen.mutable_data<float>()[row * width + i] =
          static_cast<float>(q[static_cast<std::size_t>(i)] + shifted.zero) * shifted.scale;
  }
  return seen;
}

/// The weights that arithmetic in `dtype` sees: rounded, or quantized by row.
Tensor as_seen(ConstTensorView x, DType dtype) {
  Tensor seen(x.shape());
  if (dtype == DType::i8) {
    const Int8Rows rows = quantize_rows(x);
    dequantize_rows(rows.values, rows.scales, seen);
  } else {
    convert_to_float(convert_from_float(x, dtype), seen);
  }
  return seen;
}

struct Case {
  std::int64_t rows, in, out;
};

class ReducedLinear : public ::testing::TestWithParam<Case> {};

TEST_P(ReducedLinear, equals_plain_loops_over_what_the_type_can_hold) {
  const auto [rows, in, out] = GetParam();
  for (const DType dtype : {DType::bf16, DType::i8}) {
    const Tensor x = random_tensor({rows, in}, 1);
    const Tensor weight = random_tensor({out, in}, 2);
    const Tensor bias = random_tensor({out}, 3);
    const PackedLinear linear(weight, bias, dtype);
    std::vector<float> guarded(static_cast<std::size_t>(rows * out) + 16, 12345.0F);
    const TensorView y(guarded.data(), DType::f32, {rows, out});
    linear.forward(x, y);
    const test::Matrix xm = test::to_matrix(left_as_seen(x, dtype));
    const test::Matrix wm = test::to_matrix(as_seen(weight, dtype));
    const test::Matrix bm = test::to_matrix(bias);
    // int8 sums are exact and rounded five times afterwards; the bound of float32 sums holds for both.
    const double tolerance =
        test::product_tolerance(test::product_magnitude(xm, wm, bm.values), std::max<std::int64_t>(in, 8));
    EXPECT_LE(test::max_difference(y.values<float>(), test::reference_linear(xm, wm, bm.values).values),
              tolerance)
        << to_string(dtype);
    EXPECT_TRUE(std::all_of(guarded.end() - 16, guarded.end(), [](float v) { return v == 12345.0F; }));
  }
}

INSTANTIATE_TEST_SUITE_P(all, ReducedLinear,
                         ::testing::Values(Case{1, 1, 1}, Case{2, 3, 15}, Case{3, 31, 16}, Case{5, 64, 17},
                                           Case{15, 65, 50}, Case{16, 200, 129}, Case{17, 128, 33},
                                           Case{33, 768, 100}, Case{129, 70, 70}, Case{300, 16, 257}),
                         [](const auto& test) {
                           return std::to_string(test.param.rows) + "x" + std::to_string(test.param.in) +
                                  "x" + std::to_string(test.param.out);
                         });

TEST(ReducedProducts, stored_int8_is_used_as_it_stands) {
  const Tensor weight = random_tensor({50, 70}, 1);
  const Int8Rows stored = quantize_rows(weight);
  const Tensor x = random_tensor({4, 70}, 2);
  Tensor from_floats({4, 50}), from_stored({4, 50});
  PackedLinear(weight, {}, DType::i8).forward(x, from_floats);
  PackedLinear(std::array{LinearPart{stored.values, {}, stored.scales}}, DType::i8).forward(x, from_stored);
  EXPECT_TRUE(std::ranges::equal(from_floats.values<float>(), from_stored.values<float>()));
}

TEST(ReducedProducts, stored_types_are_widened_for_wider_arithmetic) {
  const Tensor weight = random_tensor({20, 64}, 1);
  const Int8Rows stored = quantize_rows(weight);
  const Tensor dequantized = as_seen(weight, DType::i8);
  const Tensor x = random_tensor({3, 64}, 2);
  for (const DType dtype : {DType::f32, DType::bf16}) {
    Tensor y({3, 20}), expected({3, 20});
    PackedLinear(std::array{LinearPart{stored.values, {}, stored.scales}}, dtype).forward(x, y);
    PackedLinear(dequantized, {}, dtype).forward(x, expected);
    EXPECT_TRUE(std::ranges::equal(y.values<float>(), expected.values<float>())) << to_string(dtype);
  }
}

TEST(ReducedProducts, weight_rows_come_back_as_the_type_holds_them) {
  const Tensor weight = random_tensor({37, 70}, 1);
  const std::array<std::int32_t, 3> rows = {36, 0, 17};
  for (const DType dtype : {DType::bf16, DType::i8}) {
    Tensor y({3, 70});
    PackedLinear(weight, {}, dtype).copy_weight_rows(rows, y);
    const Tensor seen = as_seen(weight, dtype);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      EXPECT_TRUE(std::ranges::equal(y.view()[static_cast<std::int64_t>(i)].values<float>(),
                                     seen.view()[rows[i]].values<float>()));
    }
  }
}

TEST(ReducedProducts, not_a_number_reaches_its_own_row_only) {
  const Tensor weight = random_tensor({20, 64}, 1);
  for (const DType dtype : {DType::bf16, DType::i8}) {
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      Tensor x = random_tensor({3, 64}, 2);
      x.mutable_data<float>()[64 + 5] = bad;
      Tensor y({3, 20});
      PackedLinear(weight, {}, dtype).forward(x, y);
      for (std::int64_t i = 0; i < 60; ++i)
        EXPECT_EQ(std::isfinite(y.data<float>()[i]), i / 20 != 1) << to_string(dtype) << " " << i;
    }
  }
}

TEST(ReducedProducts, threads_and_company_change_no_bit) {
  const Tensor weight = random_tensor({300, 130}, 1);
  const Tensor x = random_tensor({40, 130}, 2);
  for (const DType dtype : {DType::f32, DType::bf16, DType::i8}) {
    const PackedLinear linear(weight, {}, dtype);
    Tensor together({40, 300}), alone({1, 300}), threads({40, 300});
    linear.forward(x, together);
    for (std::int64_t row = 0; row < 40; ++row) {
      linear.forward({x.data<float>() + row * 130, DType::f32, {1, 130}}, alone);
      EXPECT_TRUE(std::ranges::equal(alone.values<float>(), together.view()[row].values<float>()));
    }
    set_num_threads(3);
    linear.forward(x, threads);
    set_num_threads(0);
    EXPECT_TRUE(std::ranges::equal(threads.values<float>(), together.values<float>()));
  }
}

/// A convolution is the linear layer of its windows.
TEST(ReducedProducts, convolution_equals_a_linear_layer_of_its_windows) {
  constexpr std::int64_t kIn = 10, kOut = 21, kBatch = 2;
  const Tensor weight = random_tensor({kOut, kIn, 3}, 1);
  const Tensor bias = random_tensor({kOut}, 2);
  Tensor as_linear({kOut, 3 * kIn});
  for (std::int64_t out = 0; out < kOut; ++out) {
    for (std::int64_t in = 0; in < kIn; ++in) {
      for (std::int64_t tap = 0; tap < 3; ++tap) {
        as_linear.mutable_data<float>()[out * 3 * kIn + tap * kIn + in] =
            weight.data<float>()[(out * kIn + in) * 3 + tap];
      }
    }
  }
  for (const DType dtype : {DType::f32, DType::bf16, DType::i8}) {
    for (const std::int64_t stride : {1, 2}) {
      for (const std::int64_t length : {1, 2, 3, 8, 9}) {
        const Tensor x = random_tensor({kBatch, length, kIn}, 3);
        const PackedConv1d convolution({weight, bias}, stride, dtype);
        const std::int64_t positions = convolution.out_length(length);
        Tensor windows = Tensor::zeros({kBatch * positions, 3 * kIn});
        for (std::int64_t row = 0; row < kBatch * positions; ++row) {
          for (std::int64_t tap = 0; tap < 3; ++tap) {
            const std::int64_t from = row % positions * stride + tap - 1;
            if (from < 0 || from >= length) continue;
            std::copy_n(x.data<float>() + (row / positions * length + from) * kIn, kIn,
                        windows.mutable_data<float>() + (row * 3 + tap) * kIn);
          }
        }
        Tensor y({kBatch, positions, kOut}), expected({kBatch * positions, kOut});
        convolution.forward(x, y, false);
        PackedLinear(as_linear, bias, dtype).forward(windows, expected);
        EXPECT_TRUE(std::ranges::equal(y.values<float>(), expected.values<float>()))
            << to_string(dtype) << " stride " << stride << " length " << length;
      }
    }
  }
}

TEST(ReducedProducts, what_does_not_fit_is_named) {
  const Int8Rows stored = quantize_rows(random_tensor({4, 3}, 1));
  const Tensor weight = random_tensor({4, 3}, 1);
  EXPECT_THAT([&] { PackedLinear(weight, {}, DType::f16); },
              ThrowsLpmc(ErrorKind::invalid_argument,
                         "arithmetic: expected float32, bfloat16 or int8, found float16"));
  EXPECT_THAT([&] { PackedLinear(stored.values, {}, DType::i8); },
              ThrowsLpmc(ErrorKind::invalid_argument,
                         "scale: expected float32 [4] beside an int8 weight, found none"));
}

}  // namespace
}  // namespace lpmc
