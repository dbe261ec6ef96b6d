#include "lpmc/ops/attention.h"

#include <cmath>
#include <cstring>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "lpmc/base/threads.h"

#include "tests/support/matchers.h"
#include "tests/support/reference_ops.h"

namespace lpmc {
namespace {

using test::Matrix;
using test::random_tensor;

/// Rows that look at key counts of their own, each memory's key and value side by side, [count, 2 d].
/// Rows 2 i and 2 i + 1 share a memory, as two hypotheses of a segment do.
struct Scene {
  std::int64_t d;
  AttentionSetup setup;
  Tensor queries;  // [rows, d + 3]: the queries stand in a wider product
  std::vector<Tensor> memories;
  std::vector<ContiguousKeyValues> key_values;

  Scene(std::int64_t rows, std::int64_t width, AttentionSetup with)
      : d(width), setup(with), queries(random_tensor({rows, width + 3}, 1)) {
    const auto bytes = static_cast<std::int64_t>(size_of(setup.key_values));
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t count = 1 + row / 2 * 7 % 40;
      if (row % 2 == 0) {
        const Tensor memory = random_tensor({count, 2 * d}, static_cast<std::uint32_t>(row + 2));
        memories.push_back(convert_from_float(memory, setup.key_values));
      }
      const std::byte* data = memories.back().view().bytes();
      key_values.push_back({.keys = data, .values = data + d * bytes, .count = count, .stride = 2 * d});
    }
  }
};

/// [count, d] columns of a memory, from `first` on.
Matrix columns_of(const Matrix& memory, std::int64_t first, std::int64_t d) {
  Matrix part(memory.rows, d);
  for (std::int64_t j = 0; j < memory.rows; ++j) {
    for (std::int64_t c = 0; c < d; ++c)
      part.at(j, c) = memory.at(j, first + c);
  }
  return part;
}

/// As in attention_kernels_test: scores below 3.5^2 sqrt(head_dim), values below 3.5.
double tolerance_of(std::int64_t head_dim) {
  const double score = 12.3 * std::sqrt(static_cast<double>(head_dim));
  return 3.5 * 2 * (score * 1.2e-7 * (static_cast<double>(head_dim) / 2.0 + 4) + 1e-6);
}

class AttentionShapes : public ::testing::TestWithParam<std::tuple<int, int, int>> {};

TEST_P(AttentionShapes, equals_plain_loops) {
  const auto [rows, d, heads] = GetParam();
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Scene scene(rows, d, {.heads = heads, .key_values = dtype});
    Tensor out({rows, d});
    attention(scene.queries, scene.key_values, scene.setup, out);
    const Matrix queries = test::to_matrix(scene.queries);
    for (std::int64_t row = 0; row < rows; ++row) {
      const Matrix memory = test::to_matrix(scene.memories[static_cast<std::size_t>(row / 2)]);
      const std::span<const double> query(queries.values.data() + row * (d + 3), static_cast<std::size_t>(d));
      const auto expected =
          test::reference_attention(query, columns_of(memory, 0, d), columns_of(memory, d, d), heads);
      EXPECT_LE(test::max_difference(out.view()[row].values<float>(), expected), tolerance_of(d / heads));
    }
  }
}

/// Rows that share the beginning of their past, the newest token's key and value still in the product.
TEST_P(AttentionShapes, step_equals_plain_loops_and_stores_the_newest) {
  const auto [rows, d, heads] = GetParam();
  constexpr std::int64_t kOffset = 5;
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Tensor qkv = random_tensor({rows, 3 * d}, 3);
    Tensor memory = convert_from_float(random_tensor({40 + rows, kOffset + 2 * d}, 4), dtype);
    std::vector<std::vector<std::byte*>> places(static_cast<std::size_t>(rows));
    std::vector<PastKeyValues> past;
    for (std::int64_t row = 0; row < rows; ++row) {
      auto& path = places[static_cast<std::size_t>(row)];
      for (std::int64_t j = row / 3 * 11 % 20; j < row / 3 * 11 % 20 + row % 3 * 8; ++j)
        path.push_back(memory.mutable_view()[j].mutable_bytes());
      path.push_back(memory.mutable_view()[40 + row].mutable_bytes());
      past.push_back({.places = path.data(), .count = static_cast<std::int64_t>(path.size())});
    }
    Tensor out({rows, d});
    attention_step(qkv, past, kOffset, {.heads = heads, .key_values = dtype}, out);
    const auto rounded = convert_from_float(qkv, dtype);
    const Matrix newest = test::to_matrix(rounded);
    const Matrix queries = test::to_matrix(qkv);
    const Matrix tokens = test::to_matrix(memory);
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t c = 0; c < 2 * d; ++c)
        ASSERT_EQ(tokens.at(40 + row, kOffset + c), newest.at(row, d + c));
      const auto& path = places[static_cast<std::size_t>(row)];
      Matrix seen(static_cast<std::int64_t>(path.size()), 2 * d);
      for (std::int64_t j = 0; j < seen.rows; ++j) {
        const auto index = (path[static_cast<std::size_t>(j)] - memory.view().bytes()) /
                           static_cast<std::ptrdiff_t>(memory.view()[0].size_bytes());
        for (std::int64_t c = 0; c < 2 * d; ++c)
          seen.at(j, c) = tokens.at(index, kOffset + c);
      }
      const std::span<const double> query(queries.values.data() + row * 3 * d, static_cast<std::size_t>(d));
      const auto expected =
          test::reference_attention(query, columns_of(seen, 0, d), columns_of(seen, d, d), heads);
      EXPECT_LE(test::max_difference(out.view()[row].values<float>(), expected), tolerance_of(d / heads));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(all, AttentionShapes,
                         ::testing::Values(std::tuple(1, 64, 4), std::tuple(5, 48, 3), std::tuple(7, 768, 12),
                                           std::tuple(3, 5, 5), std::tuple(2, 600, 1),
                                           std::tuple(90, 130, 13)),
                         [](const auto& test) {
                           return std::to_string(std::get<0>(test.param)) + "x" +
                                  std::to_string(std::get<1>(test.param)) + "h" +
                                  std::to_string(std::get<2>(test.param));
                         });

TEST(Attention, threads_and_company_change_no_bit) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Scene scene(30, 256, {.heads = 4, .key_values = dtype});
    Tensor one({30, 256});
    Tensor two({30, 256});
    set_num_threads(1);
    attention(scene.queries, scene.key_values, scene.setup, one);
    set_num_threads(2);
    attention(scene.queries, scene.key_values, scene.setup, two);
    set_num_threads(0);
    EXPECT_EQ(test::max_abs_difference(one.values<float>(), two.values<float>()), 0.0);
    Tensor alone({1, 256});
    attention({scene.queries.view()[13].bytes(), DType::f32, {1, 259}},
              std::span(scene.key_values).subspan(13, 1), scene.setup, alone);
    EXPECT_EQ(test::max_abs_difference(alone.values<float>(), one.view()[13].values<float>()), 0.0);
  }
}

TEST(Attention, key_values_are_rounded_as_they_are_stored) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Tensor x = random_tensor({3, 7, 1001}, 5);  // more than one unit, and a remainder
    const Tensor expected = convert_from_float(x, dtype);
    Tensor y(x.shape(), dtype);
    write_key_values(x, y);
    EXPECT_EQ(std::memcmp(y.view().bytes(), expected.view().bytes(), y.view().size_bytes()), 0);
  }
}

TEST(Attention, no_rows) {
  Tensor out({0, 8});
  attention(Tensor({0, 8}), {}, {.heads = 2}, out);
  attention_step(Tensor({0, 24}), {}, 0, {.heads = 2}, out);
}

TEST(Attention, wrong_arguments_are_named) {
  Scene scene(2, 12, {.heads = 3});
  Tensor out({2, 12});
  const auto refused = [&](AttentionSetup setup, TensorView y, const std::string& part) {
    EXPECT_THAT([&] { attention(scene.queries, scene.key_values, setup, y); },
                test::ThrowsLpmc(ErrorKind::invalid_argument, part));
  };
  refused({.heads = 3}, Tensor({3, 12}), "attention: out: expected float32 [2, 12]");
  refused({.heads = 4}, Tensor({2, 16}), "expected at least 16 columns, found 15");
  refused({.heads = 5}, out, "heads: expected a divisor of 12, found 5");
  refused({.heads = 0}, out, "heads: expected a divisor of 12, found 0");
  refused({.heads = 3, .key_values = DType::f16}, out, "keys: expected float32 or bfloat16, found float16");
  scene.key_values[1].count = 0;
  refused({.heads = 3}, out, "at least one, found 0");
  scene.key_values.pop_back();
  refused({.heads = 3}, out, "keys: expected 2 rows, found 1");
}

TEST(Attention, wrong_arguments_of_a_step_are_named) {
  Tensor memory({3, 24});
  std::byte* place = memory.mutable_view().mutable_bytes();
  const std::vector<PastKeyValues> past(2, {.places = &place, .count = 1});
  Tensor out({2, 12});
  EXPECT_THAT(
      [&] {
        attention_step(Tensor({2, 35}), past, 0, {.heads = 3}, out);
      },
      test::ThrowsLpmc(ErrorKind::invalid_argument, "expected float32 [2, 36], found float32 [2, 35]"));
  EXPECT_THAT(
      [&] {
        attention_step(Tensor({2, 36}), std::span(past).first(1), 0, {.heads = 3}, out);
      },
      test::ThrowsLpmc(ErrorKind::invalid_argument, "expected 2 rows, found 1"));
  Tensor halves({3, 24}, DType::f16);
  EXPECT_THAT([&] { write_key_values(memory, halves); },
              test::ThrowsLpmc(ErrorKind::invalid_argument, "expected float32 or bfloat16, found float16"));
  Tensor other({3, 23}, DType::bf16);
  EXPECT_THAT([&] { write_key_values(memory, other); },
              test::ThrowsLpmc(ErrorKind::invalid_argument, "x: expected float32 [3, 23]"));
}

}  // namespace
}  // namespace lpmc
