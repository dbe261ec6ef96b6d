#include "lpmc/ops/ops.h"

#include <array>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "lpmc/base/threads.h"

#include "tests/support/matchers.h"
#include "tests/support/reference_ops.h"

namespace lpmc {
namespace {

using test::random_tensor;

auto invalid(const std::string& part) {
  return test::ThrowsLpmc(ErrorKind::invalid_argument, part);
}

// The inner loops' figures are tested in kernels_test.cpp; here that each op walks all rows, takes
// any rank, and checks shapes.

TEST(Ops, layer_norm_of_many_rows_in_place) {
  const Tensor x = random_tensor({3, 70, 90}, 1);
  const Tensor weight = random_tensor({90}, 2);
  const Tensor bias = random_tensor({90}, 3);
  Tensor y = x.clone();
  layer_norm(y, weight, bias, 1e-5F, y);
  const auto expected =
      test::reference_layer_norm(test::to_matrix(x), test::to_matrix(weight), test::to_matrix(bias), 1e-5);
  // Values up to 3.5, deviation about 1, weight up to 3.5, chains of 90 / 4 + 8 additions.
  EXPECT_LE(test::max_difference(y.values<float>(), expected.values), 3.5 * 3.5 * 31 * 1.2e-7);
}

TEST(Ops, gelu_and_add_of_more_than_one_block) {
  const Tensor a = random_tensor({3, 20000}, 1, 2.0);
  const Tensor b = random_tensor({3, 20000}, 2);
  Tensor y({3, 20000});
  gelu(a, y);
  EXPECT_LE(test::max_difference(y.values<float>(), test::reference_gelu(test::to_matrix(a)).values),
            7 * 3.2e-7);
  add(a, b, y);
  for (std::size_t i = 0; i < y.values<float>().size(); ++i) {
    ASSERT_EQ(y.values<float>()[i], a.values<float>()[i] + b.values<float>()[i]);
  }
}

TEST(Ops, softmax_of_many_rows) {
  const Tensor x = random_tensor({400, 100}, 1, 3.0);
  Tensor y({400, 100});
  softmax(x, y);
  EXPECT_LE(test::max_difference(y.values<float>(), test::reference_softmax(test::to_matrix(x)).values),
            1e-5);
}

TEST(Ops, transpose) {
  for (const Shape& shape :
       {Shape{1, 1, 1}, Shape{2, 3, 100}, Shape{3, 65, 33}, Shape{0, 4, 5}, Shape{2, 0, 5}}) {
    const Tensor x = random_tensor(shape, 1);
    Tensor y({shape[0], shape[2], shape[1]});
    transpose(x, y);
    for (std::int64_t i = 0; i < shape[0]; ++i) {
      for (std::int64_t j = 0; j < shape[1]; ++j) {
        for (std::int64_t k = 0; k < shape[2]; ++k) {
          ASSERT_EQ(y.data<float>()[(i * shape[2] + k) * shape[1] + j],
                    x.data<float>()[(i * shape[1] + j) * shape[2] + k]);
        }
      }
    }
  }
}

TEST(Ops, embedding) {
  const Tensor table = random_tensor({6, 11}, 1);
  const std::array<std::int32_t, 4> rows = {5, 0, 3, 3};
  Tensor y({4, 11});
  embedding(table, rows, y);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(test::max_abs_difference(y.view()[static_cast<std::int64_t>(i)].values<float>(),
                                       table.view()[rows[i]].values<float>()),
              0.0);
  }
  add_embedding(table, rows, y);
  for (std::size_t i = 0; i < 11; ++i)
    EXPECT_EQ(y.values<float>()[i], 2 * table.view()[5].values<float>()[i]);
  Tensor one({1, 11});
  EXPECT_THAT([&] { embedding(table, std::array{6}, one); },
              invalid("embedding: row: expected 0 to 5, found 6"));
  EXPECT_THAT([&] { add_embedding(table, std::array{-1}, one); }, invalid("expected 0 to 5, found -1"));
  EXPECT_THAT([&] { embedding(table, rows, one); }, invalid("embedding: y: expected float32 [4, 11]"));
}

TEST(Ops, zero_rows) {
  Tensor none({0, 8});
  const Tensor weight = random_tensor({8}, 1);
  layer_norm(none, weight, weight, 1e-5F, none);
  gelu(none, none);
  softmax(none, none);
  add(none, none, none);
  embedding(random_tensor({3, 8}, 1), {}, none);
  Tensor empty({4, 0});
  softmax(empty, empty);
}

TEST(Ops, wrong_shapes_are_named) {
  const Tensor x = random_tensor({2, 3}, 1);
  const Tensor weight = random_tensor({3}, 2);
  const Tensor short_weight = random_tensor({2}, 2);
  Tensor y({2, 3});
  Tensor wrong({3, 2});
  EXPECT_THAT([&] { layer_norm(x, short_weight, weight, 1e-5F, y); },
              invalid("layer_norm: weight: expected float32 [3]"));
  EXPECT_THAT([&] { layer_norm(x, weight, short_weight, 1e-5F, y); },
              invalid("layer_norm: bias: expected float32 [3]"));
  EXPECT_THAT([&] { layer_norm(x, weight, weight, 1e-5F, wrong); },
              invalid("layer_norm: y: expected float32 [2, 3]"));
  EXPECT_THAT([&] { gelu(x, wrong); }, invalid("gelu: y: expected float32 [2, 3], found float32 [3, 2]"));
  EXPECT_THAT([&] { softmax(x, wrong); }, invalid("softmax: y"));
  EXPECT_THAT([&] { softmax(Tensor(Shape{}), y); }, invalid("at least one dimension"));
  EXPECT_THAT([&] { add(x, wrong, y); }, invalid("add: b"));
  EXPECT_THAT([&] { add(x, x, wrong); }, invalid("add: y"));
  EXPECT_THAT([&] { gelu(convert_from_float(x, DType::f16), y); }, invalid("found float16"));
  EXPECT_THAT([&] { transpose(x, y); }, invalid("transpose: x: expected float32 of rank 3"));
  Tensor cube({1, 2, 3});
  EXPECT_THAT(
      [&] {
        transpose(random_tensor({1, 2, 3}, 1), cube);
      },
      invalid("transpose: y: expected float32 [1, 3, 2]"));
}

TEST(Ops, one_thread_equals_two_bit_for_bit) {
  const Tensor x = random_tensor({1000, 100}, 1);
  const Tensor weight = random_tensor({100}, 2);
  const std::array<std::function<void(TensorView)>, 3> ops = {
      [&](TensorView y) { layer_norm(x, weight, weight, 1e-5F, y); }, [&](TensorView y) { gelu(x, y); },
      [&](TensorView y) { softmax(x, y); }};
  for (const auto& op : ops) {
    Tensor one({1000, 100});
    Tensor two({1000, 100});
    set_num_threads(1);
    op(one);
    set_num_threads(2);
    op(two);
    set_num_threads(0);
    EXPECT_EQ(test::max_abs_difference(one.values<float>(), two.values<float>()), 0.0);
  }
}

}  // namespace
}  // namespace lpmc
