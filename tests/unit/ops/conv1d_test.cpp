#include "lpmc/ops/conv1d.h"

#include <string>

#include <gtest/gtest.h>

#include "lpmc/base/threads.h"

#include "tests/support/matchers.h"
#include "tests/support/reference_ops.h"

namespace lpmc {
namespace {

using test::Matrix;
using test::random_tensor;

struct Case {
  std::int64_t batch, length, in, out, stride;
};

class Conv1dShapes : public ::testing::TestWithParam<Case> {};

TEST_P(Conv1dShapes, equals_plain_loops) {
  const auto [batch, length, in, out, stride] = GetParam();
  const Tensor x = random_tensor({batch, length, in}, 1);
  const Tensor weight = random_tensor({out, in, 3}, 2, 0.2);
  const Tensor bias = random_tensor({out}, 3);
  const PackedConv1d conv({weight, bias}, stride);
  const std::int64_t out_length = conv.out_length(length);
  Tensor y({batch, out_length, out});
  conv.forward(x, y, false);
  Tensor activated({batch, out_length, out});
  conv.forward(x, activated, true);
  const Matrix wm = test::to_matrix(weight);
  const Matrix bm = test::to_matrix(bias);
  // |x| < 3.5, |weight| < 0.7: three taps of `in` products each, and GELU's slope below 1.13.
  const double magnitude = 3.5 * 0.7 * 3 * static_cast<double>(in) + 3.5;
  const double tolerance = test::product_tolerance(magnitude, 3 * in);
  for (std::int64_t item = 0; item < batch; ++item) {
    const Matrix expected = test::reference_conv1d(test::to_matrix(x.view()[item]), wm, bm.values, stride);
    EXPECT_EQ(expected.rows, out_length);
    EXPECT_LE(test::max_difference(y.view()[item].values<float>(), expected.values), tolerance);
    EXPECT_LE(
        test::max_difference(activated.view()[item].values<float>(), test::reference_gelu(expected).values),
        1.13 * tolerance + 1e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(all, Conv1dShapes,
                         ::testing::Values(Case{1, 1, 1, 1, 1}, Case{1, 1, 3, 2, 2}, Case{2, 2, 3, 4, 1},
                                           Case{2, 2, 3, 4, 2}, Case{1, 3, 8, 130, 2}, Case{3, 63, 16, 40, 2},
                                           Case{2, 64, 17, 5, 2}, Case{1, 129, 5, 33, 1},
                                           Case{1, 257, 20, 129, 2}, Case{2, 258, 7, 9, 2},
                                           Case{1, 130, 4, 2050, 1}),
                         [](const auto& test) {
                           const Case& c = test.param;
                           return std::to_string(c.batch) + "x" + std::to_string(c.length) + "x" +
                                  std::to_string(c.in) + "to" + std::to_string(c.out) + "by" +
                                  std::to_string(c.stride);
                         });

TEST(Conv1d, nothing_in_nothing_out) {
  const PackedConv1d conv({random_tensor({4, 3, 3}, 1), {}}, 2);
  Tensor no_items({0, 5, 4});
  conv.forward(Tensor({0, 9, 3}), no_items, true);
  Tensor no_positions({2, 0, 4});
  conv.forward(Tensor({2, 0, 3}), no_positions, true);
}

TEST(Conv1d, sixteen_bit_weights) {
  const Tensor weight = random_tensor({140, 6, 3}, 1);
  const Tensor x = random_tensor({1, 11, 6}, 2);
  for (const DType dtype : {DType::f16, DType::bf16}) {
    const Tensor packed = convert_from_float(weight, dtype);
    Tensor floats({140, 6, 3});
    convert_to_float(packed, floats);
    Tensor y({1, 6, 140});
    Tensor expected({1, 6, 140});
    PackedConv1d({packed, {}}, 2).forward(x, y, false);
    PackedConv1d({floats, {}}, 2).forward(x, expected, false);
    EXPECT_EQ(test::max_abs_difference(y.values<float>(), expected.values<float>()), 0.0);
  }
}

TEST(Conv1d, threads_and_company_change_no_bit) {
  const PackedConv1d conv({random_tensor({200, 48, 3}, 1), random_tensor({200}, 2)}, 2);
  const Tensor x = random_tensor({3, 301, 48}, 3);
  Tensor one({3, 151, 200});
  Tensor two({3, 151, 200});
  set_num_threads(1);
  conv.forward(x, one, true);
  set_num_threads(2);
  conv.forward(x, two, true);
  set_num_threads(0);
  EXPECT_EQ(test::max_abs_difference(one.values<float>(), two.values<float>()), 0.0);
  // Blocks of positions lie inside an item, so an item alone is computed the same way.
  Tensor alone({1, 151, 200});
  conv.forward({x.view()[2].bytes(), DType::f32, {1, 301, 48}}, alone, true);
  EXPECT_EQ(test::max_abs_difference(alone.values<float>(), one.view()[2].values<float>()), 0.0);
}

TEST(Conv1d, wrong_shapes_are_named) {
  const Tensor weight = random_tensor({4, 2, 3}, 1);
  const PackedConv1d conv({weight, {}}, 2);
  const Tensor x = random_tensor({1, 5, 2}, 2);
  Tensor y({1, 3, 4});
  Tensor wrong({1, 2, 4});
  const auto invalid = [](const std::string& part) {
    return test::ThrowsLpmc(ErrorKind::invalid_argument, part);
  };
  EXPECT_THAT([&] { conv.forward(x, wrong, false); }, invalid("conv1d: y: expected float32 [1, 3, 4]"));
  EXPECT_THAT(
      [&] {
        conv.forward(random_tensor({1, 5, 3}, 1), y, false);
      },
      invalid("conv1d: x: expected float32 [1, 5, 2]"));
  EXPECT_THAT([&] { conv.forward(random_tensor({5, 2}, 1), y, false); }, invalid("rank 3"));
  EXPECT_THAT([&] { PackedConv1d({weight, {}}, 3); }, invalid("stride: expected 1 or 2, found 3"));
  EXPECT_THAT([&] { PackedConv1d({random_tensor({4, 2, 5}, 1), {}}, 1); }, invalid("expected [out, in, 3]"));
  EXPECT_THAT(
      [&] {
        PackedConv1d({weight, random_tensor({5}, 1)}, 1);
      },
      invalid("bias: expected [4], found [5]"));
}

}  // namespace
}  // namespace lpmc
