// Compiled once for each instruction set; LPMC_PRODUCTS_VARIANT names it. See product_kernels.h.

#include "lpmc/ops/product_kernels.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace lpmc::products::LPMC_PRODUCTS_VARIANT {
namespace {

[[maybe_unused]] inline int load_group(const std::byte* p) {
  int group;
  __builtin_memcpy(&group, p, sizeof group);
  return group;
}

// Each type of product has: Weights, a panel's row made ready for the rows of a; Sums, 16 sums; and
// add(sums, group of a, weights).

#if defined(__AVX512F__)

constexpr int kMostRows = 16;
/// Panels worked on together, so that the sums fill the 32 registers and a broadcast serves several.
constexpr int panels_for(int rows) {
  return rows <= 7 ? 4 : (rows <= 14 ? 2 : 1);
}
constexpr int kManyRows = 14;

struct FloatSums {
  __m512 v = _mm512_setzero_ps();
  void store(std::byte* p) const { _mm512_storeu_ps(p, v); }
};

struct F32 {
  using Sums = FloatSums;
  using Weights = __m512;
  static Weights load(const std::byte* p) { return _mm512_loadu_ps(p); }
  static void add(Sums& sums, const std::byte* a, Weights w) {
    float x;
    __builtin_memcpy(&x, a, sizeof x);
    sums.v = _mm512_fmadd_ps(_mm512_set1_ps(x), w, sums.v);
  }
};

#if defined(__AVX512BF16__)
struct Bf16 {
  using Sums = FloatSums;
  using Weights = __m512i;
  static Weights load(const std::byte* p) { return _mm512_loadu_si512(p); }
  static void add(Sums& sums, const std::byte* a, Weights w) {
    const __m512i x = _mm512_set1_epi32(load_group(a));
    sums.v = _mm512_dpbf16_ps(sums.v, reinterpret_cast<__m512bh>(w), reinterpret_cast<__m512bh>(x));
  }
};
#else
/// A bfloat16 is the upper half of a float.
struct Bf16 {
  using Sums = FloatSums;
  struct Weights {
    __m512 even, odd;
  };
  static Weights split(__m512i pairs) {
    return {_mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16)),
            _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(static_cast<int>(0xFFFF0000U))))};
  }
  static Weights load(const std::byte* p) { return split(_mm512_loadu_si512(p)); }
  static void add(Sums& sums, const std::byte* a, const Weights& w) {
    const Weights x = split(_mm512_set1_epi32(load_group(a)));
    sums.v = _mm512_fmadd_ps(x.even, w.even, sums.v);
    sums.v = _mm512_fmadd_ps(x.odd, w.odd, sums.v);
  }
};
#endif

#if defined(__AVX512VNNI__)
#define LPMC_PRODUCTS_INT8 1
constexpr std::int32_t kInt8Offset = 128;
struct Int8 {
  struct Sums {
    __m512i v = _mm512_setzero_si512();
    void store(std::byte* p) const { _mm512_storeu_si512(p, v); }
  };
  using Weights = __m512i;
  static Weights load(const std::byte* p) { return _mm512_loadu_si512(p); }
  static void add(Sums& sums, const std::byte* a, Weights w) {
    sums.v = _mm512_dpbusd_epi32(sums.v, w, _mm512_set1_epi32(load_group(a)));
  }
};
#endif

#elif defined(__AVX2__)

constexpr int kMostRows = 6;
constexpr int panels_for(int rows) {
  return rows <= 3 ? 2 : 1;
}
constexpr int kManyRows = 6;

struct FloatSums {
  __m256 low = _mm256_setzero_ps();
  __m256 high = _mm256_setzero_ps();
  void store(std::byte* p) const {
    _mm256_storeu_ps(reinterpret_cast<float*>(p), low);
    _mm256_storeu_ps(reinterpret_cast<float*>(p) + 8, high);
  }
};

inline __m256i load_integers(const std::byte* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

struct F32 {
  using Sums = FloatSums;
  struct Weights {
    __m256 low, high;
  };
  static Weights load(const std::byte* p) {
    return {_mm256_loadu_ps(reinterpret_cast<const float*>(p)),
            _mm256_loadu_ps(reinterpret_cast<const float*>(p) + 8)};
  }
  static void add(Sums& sums, const std::byte* a, const Weights& w) {
    float x;
    __builtin_memcpy(&x, a, sizeof x);
    const __m256 xs = _mm256_set1_ps(x);
    sums.low = _mm256_fmadd_ps(xs, w.low, sums.low);
    sums.high = _mm256_fmadd_ps(xs, w.high, sums.high);
  }
};

/// A bfloat16 is the upper half of a float.
struct Bf16 {
  using Sums = FloatSums;
  struct Pair {
    __m256 even, odd;
  };
  struct Weights {
    Pair low, high;
  };
  static Pair split(__m256i pairs) {
    return {_mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16)),
            _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(static_cast<int>(0xFFFF0000U))))};
  }
  static Weights load(const std::byte* p) { return {split(load_integers(p)), split(load_integers(p + 32))}; }
  static void add(Sums& sums, const std::byte* a, const Weights& w) {
    const Pair x = split(_mm256_set1_epi32(load_group(a)));
    sums.low = _mm256_fmadd_ps(x.even, w.low.even, sums.low);
    sums.high = _mm256_fmadd_ps(x.even, w.high.even, sums.high);
    sums.low = _mm256_fmadd_ps(x.odd, w.low.odd, sums.low);
    sums.high = _mm256_fmadd_ps(x.odd, w.high.odd, sums.high);
  }
};

#define LPMC_PRODUCTS_INT8 1
struct IntegerSums {
  __m256i low = _mm256_setzero_si256();
  __m256i high = _mm256_setzero_si256();
  void store(std::byte* p) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), low);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 32), high);
  }
};

#if defined(__AVXVNNI__)
constexpr std::int32_t kInt8Offset = 128;
struct Int8 {
  using Sums = IntegerSums;
  struct Weights {
    __m256i low, high;
  };
  static Weights load(const std::byte* p) { return {load_integers(p), load_integers(p + 32)}; }
  static void add(Sums& sums, const std::byte* a, const Weights& w) {
    const __m256i x = _mm256_set1_epi32(load_group(a));
    sums.low = _mm256_dpbusd_avx_epi32(sums.low, w.low, x);
    sums.high = _mm256_dpbusd_avx_epi32(sums.high, w.high, x);
  }
};
#else
constexpr std::int32_t kInt8Offset = 0;
/// VPMADDUBSW adds two products in 16 bits and saturates. |q| * (a with q's sign) keeps them below
/// 2 * 127 * 127 < 2^15, so that nothing is lost.
struct Int8 {
  using Sums = IntegerSums;
  struct Part {
    __m256i magnitude, sign;
  };
  struct Weights {
    Part low, high;
  };
  static Part split(__m256i unsigned_weights) {
    const __m256i q = _mm256_xor_si256(unsigned_weights, _mm256_set1_epi8(static_cast<char>(0x80)));
    return {_mm256_abs_epi8(q), q};
  }
  static Weights load(const std::byte* p) { return {split(load_integers(p)), split(load_integers(p + 32))}; }
  static __m256i dot(__m256i sums, const Part& w, __m256i x) {
    const __m256i pairs = _mm256_maddubs_epi16(w.magnitude, _mm256_sign_epi8(x, w.sign));
    return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  static void add(Sums& sums, const std::byte* a, const Weights& w) {
    const __m256i x = _mm256_set1_epi32(load_group(a));
    sums.low = dot(sums.low, w.low, x);
    sums.high = dot(sums.high, w.high, x);
  }
};
#endif

#else  // portable: plain loops of a fixed length, for the compiler to vectorise

constexpr int kMostRows = 4;
constexpr int panels_for(int /*rows*/) {
  return 1;
}
constexpr int kManyRows = 4;

template <class T>
struct PlainSums {
  T v[kPanelColumns] = {};
  void store(std::byte* p) const { __builtin_memcpy(p, v, sizeof v); }
};

template <class T>
struct PlainWeights {
  T v[kPanelColumns];
  static PlainWeights load(const std::byte* p) {
    PlainWeights w;
    __builtin_memcpy(w.v, p, sizeof w.v);
    return w;
  }
};

struct F32 {
  using Sums = PlainSums<float>;
  using Weights = PlainWeights<float>;
  static Weights load(const std::byte* p) { return Weights::load(p); }
  static void add(Sums& sums, const std::byte* a, const Weights& w) {
    float x;
    __builtin_memcpy(&x, a, sizeof x);
    for (int i = 0; i < kPanelColumns; ++i)
      sums.v[i] += x * w.v[i];
  }
};

/// A bfloat16 is the upper half of a float; the even one of a pair comes first in memory.
struct Bf16 {
  using Sums = PlainSums<float>;
  using Weights = PlainWeights<unsigned>;
  static float even(unsigned pair) { return __builtin_bit_cast(float, pair << 16); }
  static float odd(unsigned pair) { return __builtin_bit_cast(float, pair & 0xFFFF0000U); }
  static Weights load(const std::byte* p) { return Weights::load(p); }
  static void add(Sums& sums, const std::byte* a, const Weights& w) {
    const auto x = static_cast<unsigned>(load_group(a));
    for (int i = 0; i < kPanelColumns; ++i)
      sums.v[i] += even(x) * even(w.v[i]);
    for (int i = 0; i < kPanelColumns; ++i)
      sums.v[i] += odd(x) * odd(w.v[i]);
  }
};

#define LPMC_PRODUCTS_INT8 1
constexpr std::int32_t kInt8Offset = 128;
struct Int8 {
  using Sums = PlainSums<int>;
  using Weights = PlainWeights<unsigned>;
  static Weights load(const std::byte* p) { return Weights::load(p); }
  static void add(Sums& sums, const std::byte* a, const Weights& w) {
    const auto group = static_cast<unsigned>(load_group(a));
    for (unsigned byte = 0; byte < 4; ++byte) {
      const int x = static_cast<signed char>(group >> (8 * byte));
      for (int i = 0; i < kPanelColumns; ++i)
        sums.v[i] += x * static_cast<int>((w.v[i] >> (8 * byte)) & 0xFFU);
    }
  }
};

#endif

/// Bytes from what is read to what is asked for ahead.
constexpr std::int64_t kAhead = 2048;

template <class Type, int kRows, int kPanels>
inline void multiply_tile(const Block& block, const std::byte* a, const std::byte* b, std::byte* c) {
  typename Type::Sums sums[kRows][kPanels];
  const std::int64_t panel_bytes = block.groups * kPanelRowBytes;
  for (std::int64_t group = 0; group < block.groups; ++group) {
    typename Type::Weights weights[kPanels];
#pragma GCC unroll 4
    for (int panel = 0; panel < kPanels; ++panel) {
      const std::byte* row = b + panel * panel_bytes + group * kPanelRowBytes;
      __builtin_prefetch(row + kAhead);
      weights[panel] = Type::load(row);
    }
#pragma GCC unroll 16
    for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 4
      for (int panel = 0; panel < kPanels; ++panel) {
        Type::add(sums[row][panel], a + row * block.a_stride + group * kGroupBytes, weights[panel]);
      }
    }
  }
#pragma GCC unroll 16
  for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 4
    for (int panel = 0; panel < kPanels; ++panel)
      sums[row][panel].store(c + row * block.c_stride + panel * kPanelRowBytes);
  }
}

template <class Type, int kRows>
void multiply_rows(const Block& block, std::int64_t first_row) {
  constexpr int kPanels = panels_for(kRows);
  const std::int64_t panel_bytes = block.groups * kPanelRowBytes;
  const std::byte* a = block.a + first_row * block.a_stride;
  std::byte* c = block.c + first_row * block.c_stride;
  std::int64_t panel = 0;
  for (; panel + kPanels <= block.panels; panel += kPanels) {
    multiply_tile<Type, kRows, kPanels>(block, a, block.b + panel * panel_bytes, c + panel * kPanelRowBytes);
  }
  for (; panel < block.panels; ++panel) {
    multiply_tile<Type, kRows, 1>(block, a, block.b + panel * panel_bytes, c + panel * kPanelRowBytes);
  }
}

/// One of the functions above for 1 to kMostRows rows.
template <class Type, int kRows = kMostRows>
void multiply_some(const Block& block, std::int64_t first_row, int rows) {
  if (rows == kRows) {
    multiply_rows<Type, kRows>(block, first_row);
  } else if constexpr (kRows > 1) {
    multiply_some<Type, kRows - 1>(block, first_row, rows);
  }
}

template <class Type>
void multiply(const Block& block) {
  // Parts of about equal size: a last one of few rows would use the registers badly.
  const std::int64_t most = block.rows <= kMostRows ? kMostRows : kManyRows;
  const std::int64_t parts = (block.rows + most - 1) / most;
  for (std::int64_t part = 0; part < parts; ++part) {
    const std::int64_t first = part * block.rows / parts;
    const std::int64_t last = (part + 1) * block.rows / parts;
    multiply_some<Type>(block, first, static_cast<int>(last - first));
  }
}

#define LPMC_STRING_OF(x) #x
#define LPMC_STRING(x) LPMC_STRING_OF(x)

}  // namespace

extern const Table table;
#if defined(LPMC_PRODUCTS_INT8)
const Table table = {
    LPMC_STRING(LPMC_PRODUCTS_VARIANT), multiply<F32>, multiply<Bf16>, {multiply<Int8>, kInt8Offset}};
#else
const Table table = {LPMC_STRING(LPMC_PRODUCTS_VARIANT), multiply<F32>, multiply<Bf16>, {}};
#endif

}  // namespace lpmc::products::LPMC_PRODUCTS_VARIANT
