#pragma once

#include <cstdint>

namespace lpmc {

// Private to ops: the one door to oneDNN.

/// c = a b, or c += a b, row-major float32.
struct GemmArguments {
  std::int64_t rows = 0;     ///< of a and c
  std::int64_t columns = 0;  ///< of b and c
  std::int64_t depth = 0;    ///< columns of a, rows of b; at least 1
  const float* a = nullptr;
  std::int64_t a_stride = 0;  ///< at least depth
  const float* b = nullptr;   ///< [depth, columns], dense
  float* c = nullptr;
  std::int64_t c_stride = 0;  ///< at least columns
  bool accumulate = false;
};

/// Runs on the calling thread alone: parallelism is the caller's, over slices.
/// On AVX-512 (and AVX) a row's result does not depend, to the bit, on how many rows there are; with
/// oneDNN's AVX2 kernels it does so within rounding.
void gemm(const GemmArguments& args);

}  // namespace lpmc
