#include "lpmc/ops/machine_rates.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// The compiler may neither leave out nor merge what passes through here, nor move it out of a loop.
#define LPMC_KEEP(constraint, value) asm volatile("" : "+" constraint(value))

namespace lpmc::machine_rates {
namespace {

// Vectors of any compiler; memory is read as 64-bit words.
struct Words16 {
  using Vector = std::uint64_t __attribute__((vector_size(16)));
};
struct Words32 {
  using Vector = std::uint64_t __attribute__((vector_size(32)));
};
struct Words64 {
  using Vector = std::uint64_t __attribute__((vector_size(64)));
};

using FourFloats = float __attribute__((vector_size(16)));

void run_float_portable(std::int64_t rounds) {
  FourFloats sums[8] = {};
  FourFloats x = {1, 1, 1, 1};
  FourFloats y = {0.5F, 0.5F, 0.5F, 0.5F};
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (FourFloats& sum : sums) {
      sum += x * y;
#if defined(__x86_64__)
      LPMC_KEEP("x", sum);
      LPMC_KEEP("x", x);
#elif defined(__aarch64__)
      LPMC_KEEP("w", sum);
      LPMC_KEEP("w", x);
#else
      LPMC_KEEP("m", sum);
      LPMC_KEEP("m", x);
#endif
    }
  }
}

/// Four streams of sums, so that no addition waits for the one before.
template <class Words>
__attribute__((always_inline)) inline std::uint64_t read_as(const void* data, std::int64_t bytes) {
  using Vector = typename Words::Vector;
  const auto* at = static_cast<const char*>(data);
  Vector sums[4] = {};
  for (const char* end = at + bytes; at < end; at += 8 * sizeof(Vector)) {
    for (unsigned i = 0; i < 8; ++i) {
      Vector v;
      __builtin_memcpy(&v, at + i * sizeof v, sizeof v);
      sums[i % 4] += v;
    }
  }
  const Vector total = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  std::uint64_t sum = 0;
  for (unsigned lane = 0; lane < sizeof(Vector) / 8; ++lane)
    sum += total[lane];
  return sum;
}

std::uint64_t run_read_portable(const void* data, std::int64_t bytes) {
  return read_as<Words16>(data, bytes);
}

#if defined(__x86_64__)

__attribute__((target("avx2,fma"))) void run_float_avx2(std::int64_t rounds) {
  __m256 sums[10] = {};
  const __m256 x = _mm256_set1_ps(1);
  const __m256 y = _mm256_set1_ps(0.5F);
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (__m256& sum : sums) {
      sum = _mm256_fmadd_ps(x, y, sum);
      LPMC_KEEP("x", sum);
    }
  }
}

__attribute__((target("avx512f"))) void run_float_avx512(std::int64_t rounds) {
  __m512 sums[16] = {};
  const __m512 x = _mm512_set1_ps(1);
  const __m512 y = _mm512_set1_ps(0.5F);
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (__m512& sum : sums) {
      sum = _mm512_fmadd_ps(x, y, sum);
      LPMC_KEEP("v", sum);
    }
  }
}

__attribute__((target("avx2"))) void run_int8_avx2(std::int64_t rounds) {
  __m256i sums[8] = {};
  __m256i x = _mm256_set1_epi8(1);
  const __m256i y = _mm256_set1_epi8(2);
  const __m256i ones = _mm256_set1_epi16(1);
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (__m256i& sum : sums) {
      LPMC_KEEP("x", x);
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(x, y), ones));
      LPMC_KEEP("x", sum);
    }
  }
}

__attribute__((target("avx2,avxvnni"))) void run_int8_avx_vnni(std::int64_t rounds) {
  __m256i sums[12] = {};
  const __m256i x = _mm256_set1_epi8(1);
  const __m256i y = _mm256_set1_epi8(2);
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (__m256i& sum : sums) {
      sum = _mm256_dpbusd_avx_epi32(sum, x, y);
      LPMC_KEEP("x", sum);
    }
  }
}

__attribute__((target("avx512f,avx512bw"))) void run_int8_avx512(std::int64_t rounds) {
  __m512i sums[12] = {};
  __m512i x = _mm512_set1_epi8(1);
  const __m512i y = _mm512_set1_epi8(2);
  const __m512i ones = _mm512_set1_epi16(1);
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (__m512i& sum : sums) {
      LPMC_KEEP("v", x);
      sum = _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(x, y), ones));
      LPMC_KEEP("v", sum);
    }
  }
}

__attribute__((target("avx512f,avx512bw,avx512vnni"))) void run_int8_avx512_vnni(std::int64_t rounds) {
  __m512i sums[16] = {};
  const __m512i x = _mm512_set1_epi8(1);
  const __m512i y = _mm512_set1_epi8(2);
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (__m512i& sum : sums) {
      sum = _mm512_dpbusd_epi32(sum, x, y);
      LPMC_KEEP("v", sum);
    }
  }
}

__attribute__((target("avx512f,avx512bf16"))) void run_bf16_avx512(std::int64_t rounds) {
  __m512 sums[16] = {};
  const __m512bh x = _mm512_cvtne2ps_pbh(_mm512_set1_ps(1), _mm512_set1_ps(1));
  const __m512bh y = _mm512_cvtne2ps_pbh(_mm512_set1_ps(0.5F), _mm512_set1_ps(0.5F));
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (__m512& sum : sums) {
      sum = _mm512_dpbf16_ps(sum, x, y);
      LPMC_KEEP("v", sum);
    }
  }
}

/// The tile intrinsics do not say how much memory they read; without this it might not be written.
__attribute__((always_inline)) inline void keep_memory(const void* data) {
  asm volatile("" : : "r"(data) : "memory");
}

/// What ldtilecfg reads: all eight tiles of 16 rows of 64 bytes.
struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t bytes_per_row[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

/// Whatever the type of its elements is, none of them is zero or makes sums grow fast.
struct alignas(64) TileOfOnes {
  std::uint8_t bytes[16 * 64];
  TileOfOnes() {
    for (std::uint8_t& byte : bytes)
      byte = 1;
  }
};

/// Sums in tiles 0 to 3; 4 and 5 times 6 and 7, as a product of 32 by 32 does it.
__attribute__((target("amx-tile,amx-int8"))) void run_int8_amx(std::int64_t rounds) {
  const TileConfig config;
  const TileOfOnes ones;
  keep_memory(&config);
  keep_memory(&ones);
  _tile_loadconfig(&config);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_loadd(4, ones.bytes, 64);
  _tile_loadd(5, ones.bytes, 64);
  _tile_loadd(6, ones.bytes, 64);
  _tile_loadd(7, ones.bytes, 64);
  for (std::int64_t round = 0; round < rounds; ++round) {
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
  }
  _tile_release();
}

__attribute__((target("amx-tile,amx-bf16"))) void run_bf16_amx(std::int64_t rounds) {
  const TileConfig config;
  const TileOfOnes ones;
  keep_memory(&config);
  keep_memory(&ones);
  _tile_loadconfig(&config);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_loadd(4, ones.bytes, 64);
  _tile_loadd(5, ones.bytes, 64);
  _tile_loadd(6, ones.bytes, 64);
  _tile_loadd(7, ones.bytes, 64);
  for (std::int64_t round = 0; round < rounds; ++round) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
}

__attribute__((target("avx2"))) std::uint64_t run_read_avx2(const void* data, std::int64_t bytes) {
  return read_as<Words32>(data, bytes);
}

__attribute__((target("avx512f"))) std::uint64_t run_read_avx512(const void* data, std::int64_t bytes) {
  return read_as<Words64>(data, bytes);
}

#endif

/// Two operations a multiply-add.
constexpr double operations(int sums, int multiply_adds) {
  return 2.0 * sums * multiply_adds;
}

constexpr MultiplyLoop kMultiplyLoops[] = {
    {Operands::f32, Needs::nothing, "portable code", operations(8, 4), run_float_portable},
#if defined(__x86_64__)
    {Operands::f32, Needs::avx2, "AVX2 FMA", operations(10, 8), run_float_avx2},
    {Operands::f32, Needs::avx512, "AVX-512 FMA", operations(16, 16), run_float_avx512},
    {Operands::int8, Needs::avx2, "AVX2 vpmaddubsw", operations(8, 32), run_int8_avx2},
    {Operands::int8, Needs::avx_vnni, "AVX-VNNI", operations(12, 32), run_int8_avx_vnni},
    {Operands::int8, Needs::avx512, "AVX-512 vpmaddubsw", operations(12, 64), run_int8_avx512},
    {Operands::int8, Needs::avx512_vnni, "AVX-512 VNNI", operations(16, 64), run_int8_avx512_vnni},
    {Operands::int8, Needs::amx_int8, "AMX int8", operations(4, 16 * 16 * 64), run_int8_amx},
    {Operands::bf16, Needs::avx512_bf16, "AVX-512 BF16", operations(16, 32), run_bf16_avx512},
    {Operands::bf16, Needs::amx_bf16, "AMX bf16", operations(4, 16 * 16 * 32), run_bf16_amx},
#endif
};

constexpr ReadLoop kReadLoops[] = {
    {Needs::nothing, run_read_portable},
#if defined(__x86_64__)
    {Needs::avx2, run_read_avx2},
    {Needs::avx512, run_read_avx512},
#endif
};

}  // namespace

const MultiplyLoop* const multiply_loops = kMultiplyLoops;
const int num_multiply_loops = sizeof kMultiplyLoops / sizeof kMultiplyLoops[0];
const ReadLoop* const read_loops = kReadLoops;
const int num_read_loops = sizeof kReadLoops / sizeof kReadLoops[0];

}  // namespace lpmc::machine_rates
