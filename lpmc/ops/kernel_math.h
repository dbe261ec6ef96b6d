#pragma once

// Private to ops: what the files compiled once for each instruction set have in common. Everything has
// internal linkage and nothing is included but intrinsics, for the reason kernels.h gives.

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace lpmc::kernels {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

using Vector = float __attribute__((vector_size(kLanes * sizeof(float))));
using UnsignedVector = unsigned __attribute__((vector_size(kLanes * sizeof(unsigned))));

/// From and to any address: a copy that the compiler turns into one unaligned instruction.
[[maybe_unused]] inline Vector load(const float* p) {
  Vector v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
[[maybe_unused]] inline void store(float* p, Vector v) {
  __builtin_memcpy(p, &v, sizeof v);
}

/// a * b + c, rounded once where the instruction set has it: by name, because a compiler that may contract
/// need not do so in every copy of a loop, and a result's last bit would depend on who stands beside it.
#if defined(__AVX512F__)
[[maybe_unused]] inline Vector multiply_add(Vector a, Vector b, Vector c) {
  return _mm512_fmadd_ps(a, b, c);
}
#elif defined(__AVX2__) && defined(__FMA__)
[[maybe_unused]] inline Vector multiply_add(Vector a, Vector b, Vector c) {
  return _mm256_fmadd_ps(a, b, c);
}
#elif defined(__aarch64__)
[[maybe_unused]] inline Vector multiply_add(Vector a, Vector b, Vector c) {
  return vfmaq_f32(c, a, b);
}
#else
[[maybe_unused]] inline Vector multiply_add(Vector a, Vector b, Vector c) {
  return a * b + c;
}
#endif
[[maybe_unused]] inline float multiply_add(float a, float b, float c) {
#if defined(__FMA__) || defined(__aarch64__)
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}

/// std::integer_sequence, without <utility>; EveryLane counts a Vector's.
template <int... kIndices>
struct Lanes {};
#if defined(__AVX512F__)
using EveryLane = Lanes<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15>;
#elif defined(__AVX2__)
using EveryLane = Lanes<0, 1, 2, 3, 4, 5, 6, 7>;
#else
using EveryLane = Lanes<0, 1, 2, 3>;
#endif

/// Lane i becomes lane i + kBy, round and round.
template <int kBy, int... p>
inline Vector rotated(Vector v, Lanes<p...>) {
  return __builtin_shufflevector(v, v, ((p + kBy) % kLanes)...);
}

/// Pairwise, so that the order does not depend on the compiler.
template <int kHalf = kLanes / 2>
[[maybe_unused]] inline float sum_of_lanes(Vector v) {
  v += rotated<kHalf>(v, EveryLane());
  if constexpr (kHalf > 1) return sum_of_lanes<kHalf / 2>(v);
  return v[0];
}

// exp(x), relative error below 3e-7; 0 below -87.3. The range is split at multiples of ln 2, the
// remainder's polynomial (degree 6, Chebyshev fit on [-ln 2 / 2, ln 2 / 2]) has an error of 3e-9.
// Of one float or of a Vector.
template <class Float, class Unsigned>
inline Float exp_of(Float x) {
  const Float lowest = Float{} - 87.3F;
  const Float highest = Float{} + 88.3F;
  constexpr float kLog2E = 1.44269504F;
  constexpr float kLn2High = 0.693359375F;  // ten bits: products with whole numbers are exact
  constexpr float kLn2Low = -2.12194440e-4F;
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to a whole number
  Float bounded = x < lowest ? lowest : x;
  bounded = bounded > highest ? highest : bounded;
  const Float shifted = bounded * kLog2E + kRound;
  const Float whole = shifted - kRound;
  const Float r = (bounded - whole * kLn2High) - whole * kLn2Low;
  Float p = 1.39486e-3F * r + 8.37513e-3F;
  p = p * r + 4.166622e-2F;
  p = p * r + 0.16666415F;
  p = p * r + 0.50000001F;
  p = p * r + 1.00000004F;
  p = p * r + 1.0F;
  const Unsigned exponent = __builtin_bit_cast(Unsigned, shifted) - 0x4B400000U + 127U;
  const Float result = p * __builtin_bit_cast(Float, exponent << 23);
  return x < lowest ? Float{} : result;
}

}  // namespace
}  // namespace lpmc::kernels
