#pragma once

// Private to ops: loops that do nothing but multiply and add in registers, or read memory. Each is
// compiled for its own instruction set by a target attribute; machine_rates.cpp includes nothing but
// this header and the compiler's intrinsics, for the reason that kernels.h gives.

#include <cstdint>

namespace lpmc::machine_rates {

/// What a processor must have (base/cpu.h) for a loop to be run.
enum class Needs { nothing, avx2, avx_vnni, avx512, avx512_vnni, avx512_bf16, amx_int8, amx_bf16 };

/// What is multiplied; sums are float32, float32 and int32.
enum class Operands { f32, bf16, int8 };

/// A loop that multiplies and adds.
struct MultiplyLoop {
  Operands operands;
  Needs needs;
  const char* instructions;
  double operations;  ///< in each round; two a multiply-add
  void (*run)(std::int64_t rounds);
};

/// A loop that reads [data, data + bytes), bytes a multiple of 512, and gives something that depends
/// on all of it.
struct ReadLoop {
  Needs needs;
  std::uint64_t (*run)(const void* data, std::int64_t bytes);
};

// All loops of this kind of processor; those that need more come later.
extern const MultiplyLoop* const multiply_loops;
extern const int num_multiply_loops;
extern const ReadLoop* const read_loops;
extern const int num_read_loops;

}  // namespace lpmc::machine_rates
