// Compiled once for each instruction set; LPMC_ROW_KERNELS_VARIANT names it. See row_kernels.h for why
// there are no further includes.

#include "lpmc/generation/row_kernels.h"

namespace lpmc::row_kernels::LPMC_ROW_KERNELS_VARIANT {
namespace {

#if defined(__AVX512F__)
constexpr std::size_t kLanes = 16;
#elif defined(__AVX2__)
constexpr std::size_t kLanes = 8;
#else
constexpr std::size_t kLanes = 4;
#endif

using Vector = float __attribute__((vector_size(kLanes * sizeof(float))));
using Bits = unsigned __attribute__((vector_size(kLanes * sizeof(float))));

constexpr std::size_t kSumLanes = 64;
constexpr std::size_t kSums = kSumLanes / kLanes;
constexpr float kInfinity = __builtin_inff();

/// From any address: a copy that the compiler turns into one unaligned instruction.
inline Vector load(const float* p) {
  Vector v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

/// b where either is NaN, as the machine's instruction has it.
inline Vector max_of(Vector a, Vector b) {
  return a > b ? a : b;
}

inline float max_of(float a, float b) {
  return a > b ? a : b;
}

float block_maxima(const float* logits, std::size_t size, float* maxima) {
  constexpr std::size_t kParts = kBlocks / kLanes;
  Vector highest[kParts];
  for (Vector& part : highest)
    part = Vector{} - kInfinity;
  std::size_t i = 0;
  for (; i + kBlocks <= size; i += kBlocks) {
    for (std::size_t part = 0; part < kParts; ++part)
      highest[part] = max_of(load(logits + i + part * kLanes), highest[part]);
  }
  __builtin_memcpy(maxima, highest, sizeof highest);
  for (std::size_t block = 0; i < size; ++block, ++i)
    maxima[block] = max_of(logits[i], maxima[block]);
  float all = maxima[0];
  for (std::size_t block = 1; block < kBlocks; ++block)
    all = max_of(maxima[block], all);
  return all;
}

/// exp(x), off by under 2^-22 of itself; of x < -87 it is exp(-87). @pre x <= 0, or NaN, which stays NaN
inline Vector exp_of_negative(Vector x) {
  constexpr float kLowest = -87.0F;  // exp is 1.6e-38 there, which no sum with a 1 in it can tell from 0
  constexpr float kLog2E = 1.44269504F;
  constexpr float kLn2High = 0.693359375F;  // few bits, so that n * kLn2High is exact
  constexpr float kLn2Low = -2.12194440e-4F;
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to a whole number
  x = max_of(Vector{} + kLowest, x);
  const Vector shifted = x * kLog2E + kRound;
  const Vector n = shifted - kRound;
  const Vector r = (x - n * kLn2High) - n * kLn2Low;
  // A fit of degree 6 with the smallest relative error, 3.1e-9, on |r| <= ln(2)/2.
  Vector p = r * 1.38145406e-3F + 8.36874545e-3F;
  p = p * r + 4.1668389e-2F;
  p = p * r + 0.166665211F;
  p = p * r + 0.49999994F;
  p = p * r * r + r + 1.0F;
  // The low bits of `shifted` are n: 2^n, the exponent's offset added. A product, so that NaN stays.
  const Bits power = (reinterpret_cast<Bits>(shifted) + 127U) << 23;
  return p * reinterpret_cast<Vector>(power);
}

inline void add_exponentials(const float* x, float max, Vector* sums) {
  for (std::size_t i = 0; i < kSums; ++i)
    sums[i] += exp_of_negative(load(x + i * kLanes) - max);
}

double sum_exp(const float* logits, std::size_t size, float max) {
  Vector sums[kSums] = {};
  std::size_t i = 0;
  for (; i + kSumLanes <= size; i += kSumLanes)
    add_exponentials(logits + i, max, sums);
  if (i < size) {
    float padded[kSumLanes];
    for (std::size_t lane = 0; lane < kSumLanes; ++lane)
      padded[lane] = i + lane < size ? logits[i + lane] : -kInfinity;
    add_exponentials(padded, max, sums);
  }
  // 64 lanes to 16, then in double: the same pairs whatever the width of a register.
  constexpr std::size_t kKept = 16 / kLanes;
  for (std::size_t half = kSums / 2; half >= kKept; half /= 2) {
    for (std::size_t j = 0; j < half; ++j)
      sums[j] += sums[j + half];
  }
  float lanes[16];
  __builtin_memcpy(lanes, sums, sizeof lanes);
  double totals[8];
  for (std::size_t j = 0; j < 8; ++j)
    totals[j] = static_cast<double>(lanes[j]) + static_cast<double>(lanes[j + 8]);
  for (std::size_t half = 4; half > 0; half /= 2) {
    for (std::size_t j = 0; j < half; ++j)
      totals[j] += totals[j + half];
  }
  return totals[0];
}

#define LPMC_STRING_OF(x) #x
#define LPMC_STRING(x) LPMC_STRING_OF(x)

}  // namespace

extern const Table table;
const Table table = {LPMC_STRING(LPMC_ROW_KERNELS_VARIANT), block_maxima, sum_exp};

}  // namespace lpmc::row_kernels::LPMC_ROW_KERNELS_VARIANT
