#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lpmc/tensor/dtype.h"

namespace lpmc {

/// How fast this machine multiplies and adds, all threads of parallel_for together, when nothing has
/// to come from memory.
struct MultiplyRate {
  DType arithmetic = DType::f32;  ///< f32, bf16 or i8 operands; sums are float32, float32, int32
  std::string instructions;       ///< "AVX-512 FMA", "AMX int8"
  double operations_per_s = 0;    ///< two a multiply-add
};

/// Runs a loop of register arithmetic for every kind of operands and every instruction set that
/// cpu_features() allows and that a fast product might use: per kind the widest vectors, and tiles.
/// @param seconds for each rate; the best piece of it counts, so that a busy machine's figures are
/// those of its free moments
std::vector<MultiplyRate> measure_multiply_rates(double seconds);

/// Bytes a second that all threads of parallel_for together read from a buffer of `bytes` that they
/// go through again and again: the rate of whatever cache it fits into. Best pass of `seconds`.
/// @throws Error(invalid_argument) when bytes < 1
double measure_read_bandwidth(std::int64_t bytes, double seconds);

}  // namespace lpmc
