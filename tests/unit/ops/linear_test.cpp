#include "lpmc/ops/linear.h"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/base/threads.h"

#include "tests/support/matchers.h"
#include "tests/support/reference_ops.h"

namespace lpmc {
namespace {

using test::Matrix;
using test::random_tensor;

struct Case {
  std::int64_t rows, in, out;
};

class LinearShapes : public ::testing::TestWithParam<Case> {};

TEST_P(LinearShapes, equals_plain_loops) {
  const auto [rows, in, out] = GetParam();
  const Tensor x = random_tensor({rows, in}, 1);
  const Tensor weight = random_tensor({out, in}, 2);
  const Tensor bias = random_tensor({out}, 3);
  const PackedLinear linear(weight, bias);
  EXPECT_EQ(linear.in_features(), in);
  EXPECT_EQ(linear.out_features(), out);
  // Outputs come in panels of 16.
  const std::int64_t padded_out = (out + 15) / 16 * 16;
  EXPECT_EQ(linear.size_bytes(), static_cast<std::size_t>((in + 1) * padded_out) * sizeof(float));
  Tensor y({rows, out});
  linear.forward(x, y);
  const Matrix xm = test::to_matrix(x);
  const Matrix wm = test::to_matrix(weight);
  const Matrix bm = test::to_matrix(bias);
  const double tolerance = test::product_tolerance(test::product_magnitude(xm, wm, bm.values), in);
  EXPECT_LE(test::max_difference(y.values<float>(), test::reference_linear(xm, wm, bm.values).values),
            tolerance);
}

// Around panels (16 outputs), the row block (128), what kernels take together, and single elements.
INSTANTIATE_TEST_SUITE_P(all, LinearShapes,
                         ::testing::Values(Case{1, 1, 1}, Case{1, 64, 64}, Case{2, 3, 5}, Case{5, 17, 129},
                                           Case{15, 64, 2049}, Case{3, 100, 2305}, Case{127, 33, 40},
                                           Case{128, 31, 127}, Case{129, 65, 128}, Case{300, 16, 257}),
                         [](const auto& test) {
                           return std::to_string(test.param.rows) + "x" + std::to_string(test.param.in) +
                                  "x" + std::to_string(test.param.out);
                         });

TEST(Linear, no_rows) {
  const PackedLinear linear(random_tensor({7, 5}, 1), {});
  Tensor y({0, 7});
  linear.forward(Tensor({0, 5}), y);
}

TEST(Linear, epilogue_is_bias_then_gelu_then_residual) {
  const Tensor x = random_tensor({6, 40}, 1);
  const Tensor weight = random_tensor({150, 40}, 2, 0.3);
  const Tensor bias = random_tensor({150}, 3);
  const Tensor residual = random_tensor({6, 150}, 4);
  const PackedLinear linear(weight, bias);
  Tensor y({6, 150});
  linear.forward(x, y, {.gelu = true, .residual = residual});
  const Matrix xm = test::to_matrix(x);
  const Matrix wm = test::to_matrix(weight);
  const Matrix bm = test::to_matrix(bias);
  const Matrix expected = test::reference_add(test::reference_gelu(test::reference_linear(xm, wm, bm.values)),
                                              test::to_matrix(residual));
  // GELU's slope is at most 1.13; 2^-21 covers its own rounding and that of the sum (values below 8).
  const double tolerance =
      1.13 * test::product_tolerance(test::product_magnitude(xm, wm, bm.values), 40) + 0x1p-20;
  EXPECT_LE(test::max_difference(y.values<float>(), expected.values), tolerance);
}

TEST(Linear, without_bias_adds_nothing) {
  const Tensor identity = [] {
    Tensor t = Tensor::zeros({3, 3});
    for (int i = 0; i < 3; ++i)
      t.mutable_data<float>()[i * 4] = 1;
    return t;
  }();
  const Tensor x = random_tensor({2, 3}, 1);
  Tensor y({2, 3});
  PackedLinear(identity, {}).forward(x, y);
  EXPECT_EQ(test::max_abs_difference(x.values<float>(), y.values<float>()), 0.0);
}

TEST(Linear, sixteen_bit_weights_are_exact_copies_of_their_float_values) {
  const Tensor weight = random_tensor({200, 70}, 1);
  const Tensor bias = random_tensor({200}, 2);
  const Tensor x = random_tensor({9, 70}, 3);
  for (const DType dtype : {DType::f16, DType::bf16}) {
    const Tensor short_weight = convert_from_float(weight, dtype);
    const Tensor short_bias = convert_from_float(bias, dtype);
    Tensor float_weight({200, 70});
    Tensor float_bias({200});
    convert_to_float(short_weight, float_weight);
    convert_to_float(short_bias, float_bias);
    Tensor y({9, 200});
    Tensor expected({9, 200});
    PackedLinear(short_weight, short_bias).forward(x, y);
    PackedLinear(float_weight, float_bias).forward(x, expected);
    EXPECT_EQ(test::max_abs_difference(y.values<float>(), expected.values<float>()), 0.0) << to_string(dtype);
  }
}

TEST(Linear, stacked_parts_stand_side_by_side) {
  // 100 + 3 + 60 features: parts begin and end inside slices; the middle one has no bias, one is bf16.
  const std::array<Tensor, 3> weights = {random_tensor({100, 20}, 1), random_tensor({3, 20}, 2),
                                         convert_from_float(random_tensor({60, 20}, 3), DType::bf16)};
  const Tensor bias0 = random_tensor({100}, 4);
  const Tensor bias2 = random_tensor({60}, 5);
  const PackedLinear stacked(std::array<LinearPart, 3>{
      LinearPart{weights[0], bias0}, LinearPart{weights[1], {}}, LinearPart{weights[2], bias2}});
  const Tensor x = random_tensor({4, 20}, 6);
  Tensor y({4, 163});
  stacked.forward(x, y);
  std::int64_t first = 0;
  for (std::size_t part = 0; part < 3; ++part) {
    const std::int64_t size = weights[part].size(0);
    const ConstTensorView bias = part == 0 ? bias0.view() : part == 2 ? bias2.view() : ConstTensorView();
    Tensor alone({4, size});
    PackedLinear(weights[part], bias).forward(x, alone);
    for (std::int64_t row = 0; row < 4; ++row) {
      for (std::int64_t i = 0; i < size; ++i) {
        // The products are the same; only their place in a slice differs.
        EXPECT_NEAR(y.data<float>()[row * 163 + first + i], alone.data<float>()[row * size + i], 1e-5);
      }
    }
    first += size;
  }
}

TEST(Linear, weight_rows_are_given_back) {
  const Tensor weight = random_tensor({2200, 37}, 1);
  const PackedLinear linear(weight, {});
  const std::vector<std::int32_t> rows = {0, 2199, 191, 192, 193, 5, 5};
  Tensor y({7, 37});
  linear.copy_weight_rows(rows, y);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(test::max_abs_difference(y.view()[static_cast<std::int64_t>(i)].values<float>(),
                                       weight.view()[rows[i]].values<float>()),
              0.0);
  }
  Tensor one({1, 37});
  for (const std::int32_t outside : {-1, 2200}) {
    EXPECT_THAT([&] { linear.copy_weight_rows(std::array{outside}, one); },
                test::ThrowsLpmc(ErrorKind::invalid_argument,
                                 "expected 0 to 2199, found " + std::to_string(outside)));
  }
}

TEST(Linear, one_thread_equals_two_bit_for_bit) {
  const Tensor weight = random_tensor({2500, 100}, 1);
  const PackedLinear linear(weight, random_tensor({2500}, 2));
  for (const std::int64_t rows : {1, 2, 130, 300}) {
    const Tensor x = random_tensor({rows, 100}, 3);
    Tensor one({rows, 2500});
    Tensor two({rows, 2500});
    set_num_threads(1);
    linear.forward(x, one, {.gelu = true});
    set_num_threads(2);
    linear.forward(x, two, {.gelu = true});
    set_num_threads(0);
    EXPECT_EQ(test::max_abs_difference(one.values<float>(), two.values<float>()), 0.0) << rows;
  }
}

TEST(Linear, a_row_hardly_depends_on_its_company) {
  const std::int64_t in = 800;
  const Tensor weight = random_tensor({300, in}, 1);
  const PackedLinear linear(weight, {});
  const Tensor x = random_tensor({140, in}, 2);
  Tensor all({140, 300});
  linear.forward(x, all);
  const double tolerance =
      2 *
      test::product_tolerance(test::product_magnitude(test::to_matrix(x), test::to_matrix(weight), {}), in);
  double worst = 0;
  for (const std::int64_t rows : {1, 2, 3, 7, 15, 45, 90, 129}) {
    Tensor some({rows, 300});
    linear.forward({x.data<float>(), DType::f32, {rows, in}}, some);
    const auto head = all.values<float>().first(static_cast<std::size_t>(rows * 300));
    worst = std::max(worst, test::max_abs_difference(some.values<float>(), head));
  }
  EXPECT_LE(worst, tolerance);
  RecordProperty("worst_difference", std::to_string(worst));
}

TEST(Linear, wrong_shapes_are_named) {
  const Tensor weight = random_tensor({4, 3}, 1);
  const Tensor bias = random_tensor({4}, 2);
  const PackedLinear linear(weight, bias);
  const Tensor x = random_tensor({2, 3}, 3);
  Tensor y({2, 4});
  Tensor wrong({2, 5});
  const auto invalid = [](const std::string& part) {
    return test::ThrowsLpmc(ErrorKind::invalid_argument, part);
  };
  EXPECT_THAT([&] { linear.forward(x, wrong); },
              invalid("linear: y: expected float32 [2, 4], found float32 [2, 5]"));
  EXPECT_THAT(
      [&] {
        linear.forward(random_tensor({2, 4}, 3), y);
      },
      invalid("linear: x: expected float32 [2, 3]"));
  EXPECT_THAT([&] { linear.forward(random_tensor({3}, 3), y); },
              invalid("linear: x: expected float32 of rank 2"));
  EXPECT_THAT([&] { linear.forward(convert_from_float(x, DType::f16), y); }, invalid("found float16 [2, 3]"));
  EXPECT_THAT([&] { linear.forward(x, y, {.residual = wrong}); },
              invalid("linear: residual: expected float32 [2, 4]"));
  EXPECT_THAT([&] { linear.forward(x, y, {.residual = y}); }, invalid("memory apart"));
  EXPECT_THAT([&] { PackedLinear(weight, random_tensor({3}, 1)); }, invalid("bias: expected [4], found [3]"));
  EXPECT_THAT([&] { PackedLinear(bias, {}); }, invalid("expected [out, in], found [4]"));
  EXPECT_THAT([&] { PackedLinear(convert_from_float(weight, DType::f64), {}); }, invalid("found float64"));
  EXPECT_THAT([&] { PackedLinear(std::span<const LinearPart>()); }, invalid("at least one"));
  const Tensor other = random_tensor({4, 2}, 1);
  EXPECT_THAT(
      [&] {
        PackedLinear(std::array{LinearPart{weight, {}}, LinearPart{other, {}}});
      },
      invalid("expected 3 inputs, found 2"));
}

}  // namespace
}  // namespace lpmc
