#include "lpmc/ops/attention.h"

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

/// Rows that look at key counts of their own, in memory [count, 2 d] a row.
struct Scene {
  std::int64_t d;
  int heads;
  Tensor queries;  // [rows, d + 3]: the queries stand in a wider product
  std::vector<Tensor> memories;
  std::vector<ContiguousKeyValues> contiguous;
  std::vector<std::vector<const float*>> places;
  std::vector<ScatteredKeyValues> scattered;

  Scene(std::int64_t rows, std::int64_t width, int number_of_heads)
      : d(width), heads(number_of_heads), queries(random_tensor({rows, width + 3}, 1)) {
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t count = 1 + row * 7 % 40;
      memories.push_back(random_tensor({count, 2 * d}, static_cast<std::uint32_t>(row + 2)));
      const float* data = memories.back().data<float>();
      contiguous.push_back({.keys = data, .values = data + d, .count = count, .stride = 2 * d});
      places.emplace_back();
      for (std::int64_t j = 0; j < count; ++j)
        places.back().push_back(data + j * 2 * d);
    }
    for (const auto& row : places) {
      scattered.push_back({.places = row.data(), .count = static_cast<std::int64_t>(row.size())});
    }
  }
};

class AttentionShapes : public ::testing::TestWithParam<std::tuple<int, int, int>> {};

TEST_P(AttentionShapes, equals_plain_loops) {
  const auto [rows, d, heads] = GetParam();
  const Scene scene(rows, d, heads);
  Tensor out({rows, d});
  attention(scene.queries, scene.contiguous, heads, out);
  Tensor scattered({rows, d});
  attention(scene.queries, scene.scattered, {.key = 0, .value = d}, heads, scattered);
  const Matrix queries = test::to_matrix(scene.queries);
  const int head_dim = d / heads;
  for (std::int64_t row = 0; row < rows; ++row) {
    const Matrix memory = test::to_matrix(scene.memories[static_cast<std::size_t>(row)]);
    Matrix keys(memory.rows, d);
    Matrix values(memory.rows, d);
    for (std::int64_t j = 0; j < memory.rows; ++j) {
      for (std::int64_t c = 0; c < d; ++c) {
        keys.at(j, c) = memory.at(j, c);
        values.at(j, c) = memory.at(j, d + c);
      }
    }
    const std::span<const double> query(queries.values.data() + row * (d + 3), static_cast<std::size_t>(d));
    const auto expected = test::reference_attention(query, keys, values, heads);
    // As in kernels_test: scores below 3.5^2 sqrt(head_dim), values below 3.5.
    const double score = 12.3 * std::sqrt(head_dim);
    const double tolerance = 3.5 * 2 * (score * 1.2e-7 * (head_dim / 2.0 + 4) + 1e-6);
    EXPECT_LE(test::max_difference(out.view()[row].values<float>(), expected), tolerance);
    EXPECT_LE(test::max_difference(scattered.view()[row].values<float>(), expected), tolerance);
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
  const Scene scene(30, 256, 4);
  Tensor one({30, 256});
  Tensor two({30, 256});
  set_num_threads(1);
  attention(scene.queries, scene.contiguous, 4, one);
  set_num_threads(2);
  attention(scene.queries, scene.contiguous, 4, two);
  set_num_threads(0);
  EXPECT_EQ(test::max_abs_difference(one.values<float>(), two.values<float>()), 0.0);
  Tensor alone({1, 256});
  attention({scene.queries.view()[13].bytes(), DType::f32, {1, 259}},
            std::span(scene.contiguous).subspan(13, 1), 4, alone);
  EXPECT_EQ(test::max_abs_difference(alone.values<float>(), one.view()[13].values<float>()), 0.0);
}

TEST(Attention, no_rows) {
  Tensor out({0, 8});
  attention(Tensor({0, 8}), std::span<const ContiguousKeyValues>(), 2, out);
}

TEST(Attention, wrong_arguments_are_named) {
  Scene scene(2, 12, 3);
  Tensor out({2, 12});
  const auto invalid = [](const std::string& part) {
    return test::ThrowsLpmc(ErrorKind::invalid_argument, part);
  };
  Tensor wrong({3, 12});
  EXPECT_THAT([&] { attention(scene.queries, scene.contiguous, 3, wrong); },
              invalid("attention: out: expected float32 [2, 12]"));
  Tensor wide({2, 16});
  EXPECT_THAT([&] { attention(scene.queries, scene.contiguous, 4, wide); },
              invalid("expected at least 16 columns, found 15"));
  EXPECT_THAT([&] { attention(scene.queries, scene.contiguous, 5, out); },
              invalid("heads: expected a divisor of 12, found 5"));
  EXPECT_THAT([&] { attention(scene.queries, scene.contiguous, 0, out); },
              invalid("heads: expected a divisor of 12, found 0"));
  EXPECT_THAT([&] { attention(scene.queries, std::span(scene.contiguous).first(1), 3, out); },
              invalid("keys: expected 2 rows, found 1"));
  scene.contiguous[1].count = 0;
  EXPECT_THAT([&] { attention(scene.queries, scene.contiguous, 3, out); }, invalid("at least one, found 0"));
}

}  // namespace
}  // namespace lpmc
