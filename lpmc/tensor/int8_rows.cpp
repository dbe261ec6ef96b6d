#include "lpmc/tensor/int8_rows.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "lpmc/base/error.h"
#include "lpmc/base/threads.h"

namespace lpmc {
namespace {

constexpr float kHighest = 127.0F;

void require_rows(ConstTensorView x) {
  LPMC_REQUIRE(x.shape().rank() >= 1, invalid_argument, "int8 rows: expected [rows, ...], found {}",
               to_string(x.shape()));
}

}  // namespace

float quantize_row(std::span<const float> x, std::span<std::int8_t> q) {
  LPMC_REQUIRE(x.size() == q.size(), invalid_argument, "int8 rows: expected room for {} values, found {}",
               x.size(), q.size());
  float highest = 0;
  for (const float value : x) {
    LPMC_REQUIRE(std::isfinite(value), invalid_argument, "int8 rows: expected finite values, found {}",
                 value);
    highest = std::max(highest, std::abs(value));
  }
  if (highest < kLeastOfRow) {
    std::ranges::fill(q, std::int8_t{0});
    return 1.0F;
  }
  const float inverse = kHighest / highest;
  for (std::size_t i = 0; i < x.size(); ++i)
    q[i] = static_cast<std::int8_t>(std::nearbyint(x[i] * inverse));
  return highest / kHighest;
}

ShiftedRow quantize_shifted_row(std::span<const float> x, std::span<std::int8_t> q) {
  LPMC_REQUIRE(x.size() == q.size(), invalid_argument, "int8 rows: expected room for {} values, found {}",
               x.size(), q.size());
  float low = 0, high = 0;
  bool finite = true;
  for (const float value : x) {
    finite = finite && std::isfinite(value);
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const float range = high - low;
  LPMC_REQUIRE(finite && std::isfinite(range), invalid_argument,
               "int8 rows: expected finite values, found {} to {}", low, high);
  if (range < kLeastOfRow) {
    std::ranges::fill(q, std::int8_t{0});
    return {};
  }
  const float inverse = 2 * kHighest / range;
  const float zero = std::nearbyint((high + low) * 0.5F * inverse);
  for (std::size_t i = 0; i < x.size(); ++i)
    q[i] = static_cast<std::int8_t>(std::clamp(std::nearbyint(x[i] * inverse) - zero, -kHighest, kHighest));
  return {range / (2 * kHighest), static_cast<std::int32_t>(zero)};
}

Int8Rows quantize_rows(ConstTensorView x) {
  require_rows(x);
  const std::int64_t rows = x.size(0);
  Int8Rows out{Tensor(x.shape(), DType::i8), Tensor({rows})};
  if (x.elements() == 0) return out;
  const std::int64_t width = x.elements() / rows;
  parallel_for(rows, [&](std::int64_t row) {
    static thread_local std::vector<float> line;
    line.resize(static_cast<std::size_t>(width));
    convert_to_float(x[row], {line.data(), DType::f32, x[row].shape()});
    out.scales.mutable_data<float>()[row] =
        quantize_row(line, {out.values.mutable_data<std::int8_t>() + row * width, line.size()});
  });
  return out;
}

void dequantize_rows(ConstTensorView values, ConstTensorView scales, TensorView out) {
  require_rows(values);
  const std::int64_t rows = values.size(0);
  LPMC_REQUIRE(scales.shape() == Shape({rows}), invalid_argument, "int8 rows: scales: expected {}, found {}",
               to_string(Shape({rows})), to_string(scales.shape()));
  LPMC_REQUIRE(out.shape() == values.shape(), invalid_argument, "int8 rows: out: expected {}, found {}",
               to_string(values.shape()), to_string(out.shape()));
  if (values.elements() == 0) return;
  const std::int64_t width = values.elements() / rows;
  const std::int8_t* q = values.data<std::int8_t>();
  const float* scale = scales.data<float>();
  float* target = out.mutable_data<float>();
  parallel_for(rows, [&](std::int64_t row) {
    for (std::int64_t i = row * width; i < (row + 1) * width; ++i)
      target[i] = static_cast<float>(q[i]) * scale[row];
  });
}

}  // namespace lpmc
