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

/// y = what becomes of the row's sums before GELU; y may be the sums.
inline void finish_row(const FinishRows& f, std::int64_t row, const float* sums, float* y) {
  if (f.row_scales == nullptr) {
    for (std::int64_t i = 0; i < f.columns; ++i)
      y[i] = sums[i] + f.bias[i];
    return;
  }
  const std::int32_t correction = f.offset * f.row_sums[row];
  const std::int32_t zero = f.zeros[row];
  const float row_scale = f.row_scales[row];
  for (std::int64_t i = 0; i < f.columns; ++i) {
    std::int32_t total;
    __builtin_memcpy(&total, sums + i, sizeof total);
    total += zero * f.column_sums[i] - correction;
    y[i] = static_cast<float>(total) * (row_scale * f.column_scales[i]) + f.bias[i];
  }
}

void finish_rows(const FinishRows& f) {
  const bool direct = !f.gelu && f.residual == nullptr;
  for (std::int64_t row = 0; row < f.rows; ++row) {
    float* sums = f.sums + row * f.sums_stride;
    finish_row(f, row, sums, direct ? f.y + row * f.y_stride : sums);
  }
  if (direct) return;
  if (f.gelu) gelu(f.sums, f.sums, f.rows * f.sums_stride);  // also between the rows, which nobody reads
  for (std::int64_t row = 0; row < f.rows; ++row) {
    const float* sums = f.sums + row * f.sums_stride;
    float* y = f.y + row * f.y_stride;
    if (f.residual == nullptr) {
      __builtin_memcpy(y, sums, static_cast<std::size_t>(f.columns) * sizeof(float));
    } else {
      add(sums, f.residual + row * f.y_stride, y, f.columns);
    }
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

using SignedVector = int __attribute__((vector_size(kLanes * sizeof(int))));
using ByteVector = signed char __attribute__((vector_size(kLanes)));

/// To nearest, ties to even, of numbers below 2^22.
inline SignedVector nearest_integers(Vector product) {
  // The product is rounded before the addition, as everybody's: no fused multiply-add.
#if defined(__x86_64__)
  asm("" : "+v"(product));
#elif defined(__aarch64__)
  asm("" : "+w"(product));
#endif
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to a whole number
  constexpr int kRoundBits = 0x4B400000;
  return __builtin_bit_cast(SignedVector, product + kRound) - kRoundBits;
}

QuantizedRow quantize_row(const float* x, signed char* q, std::int64_t size) {
  // Magnitudes are compared as integers, which keep their order: infinity and NaN are the largest.
  UnsignedVector magnitudes{};
  Vector lows{}, highs{};
  const auto take = [&](Vector v) {
    const UnsignedVector bits = __builtin_bit_cast(UnsignedVector, v) & 0x7FFFFFFFU;
    magnitudes = bits > magnitudes ? bits : magnitudes;
    lows = v < lows ? v : lows;
    highs = v > highs ? v : highs;
  };
  const std::int64_t whole_blocks = size / kLanes * kLanes;
  Vector rest{};
  for (std::int64_t i = whole_blocks; i < size; ++i)
    rest[i - whole_blocks] = x[i];
  for (std::int64_t i = 0; i < whole_blocks; i += kLanes)
    take(load(x + i));
  take(rest);
  unsigned magnitude = 0;
  float low = 0, high = 0;
  for (int lane = 0; lane < kLanes; ++lane) {
    magnitude = magnitudes[lane] > magnitude ? magnitudes[lane] : magnitude;
    low = lows[lane] < low ? lows[lane] : low;
    high = highs[lane] > high ? highs[lane] : high;
  }
  const float range = high - low;
  constexpr float kLeast = 0x1p-100F;  // kLeastOfRow of tensor/int8_rows.h
  const bool is_infinite = magnitude >= 0x7F800000U || range > __FLT_MAX__;
  if (is_infinite || range < kLeast) {
    for (std::int64_t i = 0; i < size; ++i)
      q[i] = 0;
    return {.scale = is_infinite ? __builtin_nanf("") : 1.0F};
  }
  const float inverse = 254.0F / range;
  QuantizedRow row{.scale = range / 254.0F,
                   .zero = nearest_integers(Vector{} + (high + low) * 0.5F * inverse)[0]};
  SignedVector sums{};
  const auto quantize = [&](Vector v) {
    SignedVector steps = nearest_integers(v * inverse) - row.zero;
    steps = steps > 127 ? SignedVector{} + 127 : steps;
    steps = steps < -127 ? SignedVector{} - 127 : steps;
    return steps;
  };
  for (std::int64_t i = 0; i < whole_blocks; i += kLanes) {
    const SignedVector steps = quantize(load(x + i));
    const auto bytes = __builtin_convertvector(steps, ByteVector);
    __builtin_memcpy(q + i, &bytes, sizeof bytes);
    sums += steps;
  }
  const SignedVector steps = quantize(rest);
  for (std::int64_t i = whole_blocks; i < size; ++i) {
    q[i] = static_cast<signed char>(steps[i - whole_blocks]);
    row.sum += steps[i - whole_blocks];
  }
  for (int lane = 0; lane < kLanes; ++lane)
    row.sum += sums[lane];
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
                     quantize_row,
                     to_bfloat16,
                     add,
                     gelu,
                     softmax,
                     layer_norm};

}  // namespace lpmc::kernels::LPMC_KERNELS_VARIANT
