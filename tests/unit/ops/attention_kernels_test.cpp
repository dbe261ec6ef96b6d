// Every instruction set's variant of attention's inner loops, not only the one this machine prefers.

#include "lpmc/ops/attention_kernels.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/reference_ops.h"

namespace lpmc {
namespace {

using test::Matrix;
using test::random_tensor;

constexpr double kEpsilon = 1.1920929e-7;

class AttentionKernels : public ::testing::TestWithParam<const kernels::AttentionTable*> {
 protected:
  static const kernels::AttentionKernels& of(DType dtype) {
    return dtype == DType::f32 ? GetParam()->f32 : GetParam()->bf16;
  }
};

std::vector<const kernels::AttentionTable*> supported() {
  const kernels::AttentionTable* tables[3];
  const int count = kernels::supported(tables);
  return {tables, tables + count};
}

INSTANTIATE_TEST_SUITE_P(all, AttentionKernels, ::testing::ValuesIn(supported()),
                         [](const auto& test) { return std::string(test.param->name); });

/// Queries that share all keys and values, [keys, 2 size].
struct SharedKeys {
  ConstTensorView queries, key_values;

  std::int64_t size() const { return queries.size(1); }
  std::int64_t keys() const { return key_values.size(0); }
  std::int64_t row_bytes() const { return static_cast<std::int64_t>(key_values.size_bytes()) / keys(); }

  kernels::Head head(std::vector<float>& scratch, std::vector<float>& out) const {
    scratch.resize(static_cast<std::size_t>(kernels::head_scratch(size(), keys())));
    out.resize(static_cast<std::size_t>(queries.elements()));
    return {.query = queries.data<float>(),
            .out = out.data(),
            .query_stride = size(),
            .out_stride = size(),
            .queries = static_cast<int>(queries.size(0)),
            .size = size(),
            .scale = static_cast<float>(1 / std::sqrt(static_cast<double>(size()))),
            .scratch = scratch.data()};
  }

  std::vector<float> contiguous(const kernels::AttentionKernels& kernel) const {
    std::vector<float> scratch;
    std::vector<float> out;
    const std::byte* first = key_values.bytes();
    kernel.attend_contiguous(
        head(scratch, out),
        {.keys = first, .values = first + row_bytes() / 2, .stride = row_bytes(), .count = keys()});
    return out;
  }

  /// @param shared how many keys the kernel is told the queries share
  std::vector<float> gathered(const kernels::AttentionKernels& kernel, std::int64_t shared) const {
    std::vector<float> scratch;
    std::vector<float> out;
    std::vector<const std::byte*> places;
    for (std::int64_t j = 0; j < keys(); ++j)
      places.push_back(key_values.bytes() + j * row_bytes());
    kernels::GatheredKeys gathered{.shared = shared, .key_offset = 0, .value_offset = row_bytes() / 2};
    for (int i = 0; i < kernels::kMostQueries; ++i) {
      gathered.places[i] = places.data();
      gathered.counts[i] = keys();
    }
    kernel.attend_gathered(head(scratch, out), gathered);
    return out;
  }
};

TEST_P(AttentionKernels, of_odd_sizes) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (const std::int64_t size : {1, 4, 8, 16, 20, 32, 63, 64, 65, 100, 128, 200}) {
      for (const std::int64_t keys : {1, 3, 4, 15, 16, 17, 32, 45}) {
        const auto seed = static_cast<std::uint32_t>(size * 100 + keys);
        const Tensor query = random_tensor({1, size}, seed);
        const Tensor kv = convert_from_float(random_tensor({keys, 2 * size}, seed + 1), dtype);
        const Matrix both = test::to_matrix(kv);
        Matrix key_matrix(keys, size);
        Matrix value_matrix(keys, size);
        for (std::int64_t j = 0; j < keys; ++j) {
          for (std::int64_t c = 0; c < size; ++c) {
            key_matrix.at(j, c) = both.at(j, c);
            value_matrix.at(j, c) = both.at(j, size + c);
          }
        }
        const auto expected =
            test::reference_attention(test::to_matrix(query).values, key_matrix, value_matrix, 1);
        // A score (below 3.5 * 3.5 * sqrt(size)) is off by its rounding; weights by that much in
        // proportion; values are below 3.5. Elements of either type are exact float32 numbers.
        const double score = 12.3 * std::sqrt(static_cast<double>(size));
        const double tolerance = 3.5 * 2 * (score * kEpsilon * (static_cast<double>(size) / 2 + 4) + 1e-6);
        const SharedKeys head{query, kv};
        EXPECT_LE(test::max_difference(head.contiguous(of(dtype)), expected), tolerance)
            << size << " " << keys;
        EXPECT_LE(test::max_difference(head.gathered(of(dtype), 0), expected), tolerance)
            << size << " " << keys;
      }
    }
  }
}

TEST_P(AttentionKernels, company_and_sharing_change_no_bit) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (const std::int64_t size : {40, 64}) {
      for (const std::int64_t keys : {1, 15, 33}) {
        const Tensor queries = random_tensor({kernels::kMostQueries, size}, 7);
        const Tensor kv = convert_from_float(random_tensor({keys, 2 * size}, 8), dtype);
        std::vector<float> contiguous;  // one query at a time
        std::vector<float> gathered;
        for (std::int64_t i = 0; i < kernels::kMostQueries; ++i) {
          const SharedKeys alone{{queries.view()[i].bytes(), DType::f32, {1, size}}, kv};
          const auto append = [](std::vector<float>& to, const std::vector<float>& from) {
            to.insert(to.end(), from.begin(), from.end());
          };
          append(contiguous, alone.contiguous(of(dtype)));
          append(gathered, alone.gathered(of(dtype), keys));
        }
        for (std::int64_t together = 1; together <= kernels::kMostQueries; ++together) {
          const SharedKeys company{{queries.view().bytes(), DType::f32, {together, size}}, kv};
          const auto count = static_cast<std::ptrdiff_t>(together * size);
          EXPECT_EQ(company.contiguous(of(dtype)),
                    std::vector<float>(contiguous.begin(), contiguous.begin() + count));
          for (std::int64_t shared = 0; shared <= keys; shared += 7) {
            EXPECT_EQ(company.gathered(of(dtype), shared),
                      std::vector<float>(gathered.begin(), gathered.begin() + count))
                << together << " queries, " << shared << " of " << keys << " keys";
          }
        }
      }
    }
  }
}

TEST_P(AttentionKernels, of_far_apart_scores) {
  for (const DType dtype : {DType::f32, DType::bf16}) {
    Tensor query = Tensor::zeros({1, 64});
    query.mutable_values<float>()[0] = 8.0F;
    Tensor kv = Tensor::zeros({18, 128});  // the scores are the keys' first channels
    for (std::int64_t j = 0; j < 18; ++j) {
      kv.mutable_view()[j].mutable_values<float>()[0] = j == 17 ? 1024.0F : -1024.0F;
      kv.mutable_view()[j].mutable_values<float>()[64 + 5] = static_cast<float>(j);
    }
    const Tensor stored = convert_from_float(kv, dtype);
    EXPECT_EQ((SharedKeys{query, stored}.contiguous(of(dtype))[5]), 17.0F);
  }
}

TEST_P(AttentionKernels, a_key_that_is_no_number_is_not_hidden) {
  const Tensor query = random_tensor({1, 64}, 1);
  Tensor kv = random_tensor({20, 128}, 2);
  kv.mutable_view()[18].mutable_values<float>()[7] = std::nanf("");
  for (const DType dtype : {DType::f32, DType::bf16}) {
    const Tensor stored = convert_from_float(kv, dtype);
    EXPECT_TRUE(std::isnan(SharedKeys{query, stored}.contiguous(of(dtype))[0]));
    EXPECT_TRUE(std::isnan(SharedKeys{query, stored}.gathered(of(dtype), 20)[63]));
  }
}

TEST_P(AttentionKernels, writing_rounds_as_the_tensors_do) {
  std::vector<float> x;
  for (std::uint32_t bits = 0; bits < 0xFFFF0000U; bits += 12345)
    x.push_back(std::bit_cast<float>(bits));
  for (const std::uint32_t upper : {0x3F80U, 0x3F81U, 0x7F7FU, 0xC2C2U}) {
    for (const std::uint32_t lower : {0U, 1U, 0x7FFFU, 0x8000U, 0x8001U, 0xFFFFU})
      x.push_back(std::bit_cast<float>((upper << 16) | lower));
  }
  x.push_back(std::bit_cast<float>(0x7F800001U));  // a NaN whose upper half alone would be infinity
  x.push_back(-std::numeric_limits<float>::infinity());
  const auto size = static_cast<std::int64_t>(x.size());
  std::vector<std::uint16_t> written(x.size() + 1, 0xABCD);
  GetParam()->bf16.write(x.data(), std::as_writable_bytes(std::span(written)).data(), size);
  for (std::size_t i = 0; i < x.size(); ++i)
    ASSERT_EQ(written[i], to_bfloat16(x[i]).bits) << std::bit_cast<std::uint32_t>(x[i]);
  EXPECT_EQ(written.back(), 0xABCD);
  std::vector<float> copy(x.size());
  GetParam()->f32.write(x.data(), std::as_writable_bytes(std::span(copy)).data(), size);
  EXPECT_EQ(std::memcmp(copy.data(), x.data(), x.size() * sizeof(float)), 0);
}

}  // namespace
}  // namespace lpmc
