// Compiled once for each instruction set; LPMC_KERNELS_VARIANT names it. See kernels.h for why there
// are no further includes.

#include "lpmc/ops/kernels.h"

#include "lpmc/ops/kernel_math.h"

namespace lpmc::kernels::LPMC_KERNELS_VARIANT {
namespace {

// erf(x), absolute error below 1.5e-7. |x| < 1: x * polynomial(x^2); beyond: 1 - exp(-polynomial),
// the polynomial being a fit of -log erfc on [1, 4.05]; from there on erf is 1 in float32.
inline float erf_of(float x) {
  const float s = x * x;
  float small = 7.88249733e-5F;
  small = small * s - 8.01885505e-4F;
  small = small * s + 5.18931195e-3F;
  small = small * s - 2.68543288e-2F;
  small = small * s + 0.112835975F;
  small = small * s - 0.376126269F;
  small = small * s + 1.12837917F;
  small *= x;
  float a = x < 0.0F ? -x : x;
  a = a > 4.05F ? 4.05F : a;
  float q = 1.30043778e-5F;
  q = q * a - 3.12438362e-4F;
  q = q * a + 3.40095800e-3F;
  q = q * a - 2.24870007e-2F;
  q = q * a + 0.103025185F;
  q = q * a + 0.639462795F;
  q = q * a + 1.12567772F;
  q = q * a + 8.25652068e-4F;
  const float large = 1.0F - exp_of<float, unsigned>(-q);
  const float signed_large = x < 0.0F ? -large : large;
  return s < 1.0F ? small : signed_large;
}

inline float gelu_of(float x) {
  return 0.5F * x * (1.0F + erf_of(x * 0.707106781F));
}

/// Of a whole block: one piece of machine code for every element. A loop's scalar remainder would be
/// contracted otherwise than its vector body, and an element's last bit depend on where it stands.
constexpr std::int64_t kGeluBlock = 64;
__attribute__((noinline)) void gelu_block(const float* x, float* y) {
  float block[kGeluBlock];  // x may be y, which would keep the compiler from using vectors
  for (std::int64_t i = 0; i < kGeluBlock; ++i)
    block[i] = gelu_of(x[i]);
  for (std::int64_t i = 0; i < kGeluBlock; ++i)
    y[i] = block[i];
}

void gelu(const float* x, float* y, std::int64_t size) {
  std::int64_t i = 0;
  for (; i + kGeluBlock <= size; i += kGeluBlock)
    gelu_block(x + i, y + i);
  if (i == size) return;
  float block[kGeluBlock] = {};
  for (std::int64_t j = i; j < size; ++j)
    block[j - i] = x[j];
  gelu_block(block, block);
  for (std::int64_t j = i; j < size; ++j)
    y[j] = block[j - i];
}

void add(const float* a, const float* b, float* y, std::int64_t size) {
  for (std::int64_t i = 0; i < size; ++i)
    y[i] = a[i] + b[i];
}

void finish_rows(const FinishRows& f) {
  for (std::int64_t row = 0; row < f.rows; ++row) {
    float* y = f.y + row * f.y_stride;
    if (f.bias != nullptr) add(y, f.bias, y, f.columns);
    if (f.gelu) gelu(y, y, f.columns);
    if (f.residual != nullptr) add(y, f.residual + row * f.residual_stride, y, f.columns);
  }
}

/// Four sums side by side: one alone would wait for every addition.
constexpr std::int64_t kSums = 4;

/// Of (x - offset) to the power of 1 or 2.
template <bool kSquared>
inline float sum_of_differences(const float* x, float offset, std::int64_t size) {
  Vector sums[kSums] = {};
  std::int64_t i = 0;
  const auto add_vector = [&](Vector& sum) {
    const Vector difference = load(x + i) - offset;
    sum += kSquared ? difference * difference : difference;
    i += kLanes;
  };
  while (i + kSums * kLanes <= size) {
    for (Vector& sum : sums)
      add_vector(sum);
  }
  while (i + kLanes <= size)
    add_vector(sums[0]);
  float total = sum_of_lanes((sums[0] + sums[1]) + (sums[2] + sums[3]));
  for (; i < size; ++i)
    total += kSquared ? (x[i] - offset) * (x[i] - offset) : x[i] - offset;
  return total;
}

void scale_rows(const ScaleRows& s) {
  for (std::int64_t row = 0; row < s.rows; ++row) {
    float* y = s.y + row * s.y_stride;
    const std::int32_t correction = s.offset * s.row_sums[row];
    const float row_scale = s.row_scales[row];
    for (std::int64_t i = 0; i < s.columns; ++i) {
      std::int32_t total;
      __builtin_memcpy(&total, y + i, sizeof total);
      y[i] = static_cast<float>(total - correction) * (row_scale * s.column_scales[i]);
    }
  }
}

QuantizedRow quantize_row(const float* x, signed char* q, std::int64_t size) {
  // Magnitudes are compared as integers, which keep their order: infinity and NaN are the largest, and a
  // maximum of integers may be taken in any order, so that the compiler makes vectors of it.
  constexpr std::uint32_t kInfinity = 0x7F800000U;
  std::uint32_t highest_bits = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    const std::uint32_t bits = __builtin_bit_cast(std::uint32_t, x[i]) & 0x7FFFFFFFU;
    highest_bits = bits > highest_bits ? bits : highest_bits;
  }
  const float highest = __builtin_bit_cast(float, highest_bits);
  QuantizedRow row;
  row.scale = highest * (1.0F / 127.0F) > 0.0F ? highest / 127.0F : 1.0F;
  if (highest_bits >= kInfinity) {
    row.scale = __builtin_nanf("");
    for (std::int64_t i = 0; i < size; ++i)
      q[i] = 0;
    return row;
  }
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to a whole number
  constexpr std::int32_t kRoundBits = 0x4B400000;
  for (std::int64_t i = 0; i < size; ++i) {
    const std::int32_t whole = __builtin_bit_cast(std::int32_t, x[i] / row.scale + kRound) - kRoundBits;
    q[i] = static_cast<signed char>(whole);
    row.sum += whole;
  }
  return row;
}

void to_bfloat16(const float* x, unsigned short* y, std::int64_t size) {
  for (std::int64_t i = 0; i < size; ++i) {
    const auto bits = __builtin_bit_cast(std::uint32_t, x[i]);
    const std::uint32_t rounded = (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16;
    const bool is_nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
    y[i] = static_cast<unsigned short>(is_nan ? (bits >> 16) | 0x40U : rounded);
  }
}

float sum(const float* x, std::int64_t size) {
  return sum_of_differences<false>(x, 0.0F, size);
}

float sum_of_squared_differences(const float* x, float mean, std::int64_t size) {
  return sum_of_differences<true>(x, mean, size);
}

void layer_norm(const LayerNormRow& row) {
  const float count = static_cast<float>(row.size);
  const float mean = sum(row.x, row.size) / count;
  const float variance = sum_of_squared_differences(row.x, mean, row.size) / count;
  const float scale = 1.0F / __builtin_sqrtf(variance + row.epsilon);
  for (std::int64_t i = 0; i < row.size; ++i) {
    row.y[i] = (row.x[i] - mean) * scale * row.weight[i] + row.bias[i];
  }
}

/// y = exp(x - max x). @return the sum of y
float exponentials(const float* x, float* y, std::int64_t size) {
  float highest = x[0];
  for (std::int64_t i = 1; i < size; ++i)
    highest = x[i] > highest ? x[i] : highest;
  for (std::int64_t i = 0; i < size; ++i)
    y[i] = exp_of<float, unsigned>(x[i] - highest);
  return sum(y, size);
}

void softmax(const float* x, float* y, std::int64_t size) {
  const float scale = 1.0F / exponentials(x, y, size);
  for (std::int64_t i = 0; i < size; ++i)
    y[i] *= scale;
}

#define LPMC_STRING_OF(x) #x
#define LPMC_STRING(x) LPMC_STRING_OF(x)

}  // namespace

extern const Table table;
const Table table = {LPMC_STRING(LPMC_KERNELS_VARIANT),
                     finish_rows,
                     scale_rows,
                     quantize_row,
                     to_bfloat16,
                     add,
                     gelu,
                     softmax,
                     layer_norm};

}  // namespace lpmc::kernels::LPMC_KERNELS_VARIANT
