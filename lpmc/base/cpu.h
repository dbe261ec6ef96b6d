#pragma once

#include <string>

namespace lpmc {

/// Vector instructions that this process may use. Kernels are compiled once for each set that matters
/// and chosen by these flags at run time.
struct CpuFeatures {
  bool avx2 = false;         ///< with FMA and F16C
  bool avx_vnni = false;     ///< 8-bit dot products in 256-bit registers
  bool avx512 = false;       ///< F, BW, DQ and VL
  bool avx512_vnni = false;  ///< 8-bit dot products in 512-bit registers
  bool avx512_bf16 = false;
  bool amx_int8 = false;  ///< tiles; asked for from the kernel at the first call of cpu_features()
  bool amx_bf16 = false;
};

/// What the processor has and the operating system lets us use, cut down to what the environment
/// variable LPMC_ISA allows: "portable", "avx2" (AVX-VNNI left out), "avx_vnni", "avx512" (no VNNI,
/// no BF16), "avx512_vnni" (with BF16), "amx" (everything). Read once; the same for the whole process.
/// @throws Error(invalid_argument) when LPMC_ISA has another value
const CpuFeatures& cpu_features();

/// The widest of them in words: "AVX-512 with VNNI, BF16 and AMX"; "portable code" when there are none.
std::string instruction_set();

}  // namespace lpmc
