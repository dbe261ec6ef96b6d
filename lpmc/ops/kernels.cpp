// Compiled once for each instruction set; LPMC_KERNELS_VARIANT names it. See kernels.h for why there
// are no further includes.

#include "lpmc/ops/kernels.h"

namespace lpmc::kernels::LPMC_KERNELS_VARIANT {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

using Vector = float __attribute__((vector_size(kLanes * sizeof(float))));
/// From and to any address: a copy that the compiler turns into one unaligned instruction.
inline Vector load(const float* p) {
  Vector v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
inline void store(float* p, Vector v) {
  __builtin_memcpy(p, &v, sizeof v);
}

/// Pairwise, so that the order does not depend on the compiler.
inline float sum_of_lanes(const Vector& v) {
  float lanes[kLanes];
  for (int i = 0; i < kLanes; ++i)
    lanes[i] = v[i];
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i)
      lanes[i] += lanes[i + half];
  }
  return lanes[0];
}

// exp(x), relative error below 3e-7; 0 below -87.3. The range is split at multiples of ln 2, the
// remainder's polynomial (degree 6, Chebyshev fit on [-ln 2 / 2, ln 2 / 2]) has an error of 3e-9.
inline float exp_of(float x) {
  constexpr float kLowest = -87.3F;
  constexpr float kHighest = 88.3F;
  constexpr float kLog2E = 1.44269504F;
  constexpr float kLn2High = 0.693359375F;  // ten bits: products with whole numbers are exact
  constexpr float kLn2Low = -2.12194440e-4F;
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to a whole number
  float bounded = x < kLowest ? kLowest : x;
  bounded = bounded > kHighest ? kHighest : bounded;
  const float shifted = bounded * kLog2E + kRound;
  const float whole = shifted - kRound;
  const float r = (bounded - whole * kLn2High) - whole * kLn2Low;
  float p = 1.39486e-3F;
  p = p * r + 8.37513e-3F;
  p = p * r + 4.166622e-2F;
  p = p * r + 0.16666415F;
  p = p * r + 0.50000001F;
  p = p * r + 1.00000004F;
  p = p * r + 1.0F;
  const unsigned exponent = __builtin_bit_cast(unsigned, shifted) - 0x4B400000U + 127U;
  const float result = p * __builtin_bit_cast(float, exponent << 23);
  return x < kLowest ? 0.0F : result;
}

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
  const float large = 1.0F - exp_of(-q);
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

float sum(const float* x, std::int64_t size) {
  Vector lanes{};
  std::int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes)
    lanes += load(x + i);
  float total = sum_of_lanes(lanes);
  for (; i < size; ++i)
    total += x[i];
  return total;
}

float sum_of_squared_differences(const float* x, float mean, std::int64_t size) {
  Vector lanes{};
  std::int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    const Vector difference = load(x + i) - mean;
    lanes += difference * difference;
  }
  float total = sum_of_lanes(lanes);
  for (; i < size; ++i)
    total += (x[i] - mean) * (x[i] - mean);
  return total;
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
    y[i] = exp_of(x[i] - highest);
  return sum(y, size);
}

void softmax(const float* x, float* y, std::int64_t size) {
  const float scale = 1.0F / exponentials(x, y, size);
  for (std::int64_t i = 0; i < size; ++i)
    y[i] *= scale;
}

float dot(const float* a, const float* b, std::int64_t size) {
  Vector lanes{};
  std::int64_t i = 0;
  for (; i + kLanes <= size; i += kLanes)
    lanes += load(a + i) * load(b + i);
  float total = sum_of_lanes(lanes);
  for (; i < size; ++i)
    total += a[i] * b[i];
  return total;
}

struct Contiguous {
  const ContiguousKeys& keys;
  const float* key(std::int64_t j) const { return keys.keys + j * keys.stride; }
  const float* value(std::int64_t j) const { return keys.values + j * keys.stride; }
};

struct Gathered {
  const GatheredKeys& keys;
  const float* key(std::int64_t j) const { return keys.rows[j] + keys.key_offset; }
  const float* value(std::int64_t j) const { return keys.rows[j] + keys.value_offset; }
};

template <class Keys>
void attend(const Head& head, const Keys& keys) {
  for (std::int64_t j = 0; j < head.keys; ++j) {
    head.scores[j] = dot(head.query, keys.key(j), head.size) * head.scale;
  }
  const float scale = 1.0F / exponentials(head.scores, head.scores, head.keys);
  constexpr std::int64_t kBlock = 4 * kLanes;
  std::int64_t c = 0;
  for (; c + kBlock <= head.size; c += kBlock) {
    Vector a{};
    Vector b{};
    Vector d{};
    Vector e{};
    for (std::int64_t j = 0; j < head.keys; ++j) {
      const float* value = keys.value(j) + c;
      const float weight = head.scores[j];
      a += weight * load(value);
      b += weight * load(value + kLanes);
      d += weight * load(value + 2 * kLanes);
      e += weight * load(value + 3 * kLanes);
    }
    store(head.out + c, a * scale);
    store(head.out + c + kLanes, b * scale);
    store(head.out + c + 2 * kLanes, d * scale);
    store(head.out + c + 3 * kLanes, e * scale);
  }
  for (; c + kLanes <= head.size; c += kLanes) {
    Vector a{};
    for (std::int64_t j = 0; j < head.keys; ++j)
      a += head.scores[j] * load(keys.value(j) + c);
    store(head.out + c, a * scale);
  }
  for (; c < head.size; ++c) {
    float total = 0.0F;
    for (std::int64_t j = 0; j < head.keys; ++j)
      total += head.scores[j] * keys.value(j)[c];
    head.out[c] = total * scale;
  }
}

void attend_contiguous(const Head& head, const ContiguousKeys& keys) {
  attend(head, Contiguous{keys});
}
void attend_gathered(const Head& head, const GatheredKeys& keys) {
  attend(head, Gathered{keys});
}

#define LPMC_STRING_OF(x) #x
#define LPMC_STRING(x) LPMC_STRING_OF(x)

}  // namespace

extern const Table table;
const Table table = {LPMC_STRING(LPMC_KERNELS_VARIANT),
                     finish_rows,
                     add,
                     gelu,
                     softmax,
                     layer_norm,
                     attend_contiguous,
                     attend_gathered};

}  // namespace lpmc::kernels::LPMC_KERNELS_VARIANT
