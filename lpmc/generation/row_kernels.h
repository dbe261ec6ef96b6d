#pragma once

// Private to generation: the passes over a row of logits, compiled once for each instruction set and
// chosen at run time. row_kernels.cpp includes nothing but this header, so that no inline function of a
// library is compiled for an instruction set that the machine may lack and then picked by the linker for
// everybody.
//
// Every variant gives the same bits: lanes are numbered, not registers, and nothing is contracted to
// fused multiply-adds, which the baseline lacks. So the tokens of a search do not depend on the variant.

#include <cstddef>

namespace lpmc::row_kernels {

/// Tokens that the kernels work on at a time: short enough to stay in the first cache from one kernel to
/// the next, and for their exponentials to be added in float32.
constexpr std::size_t kStretch = 1024;

/// A stretch has this many blocks, block b being its tokens b, b + kBlocks, b + 2 kBlocks...: these stand
/// in one lane of a register, so that their maximum needs no step across lanes.
constexpr std::size_t kBlocks = 16;

struct Table {
  const char* name;
  /// maxima[b] = the highest logit of block b of a stretch; NaN is passed over; -inf where there is nothing
  /// else. @return the highest of all. @pre size <= kStretch
  float (*block_maxima)(const float* logits, std::size_t size, float* maxima);
  /// Sum of exp(logit - max) of a stretch; NaN where a logit is. An exponential is off by under 2^-22 of
  /// itself; of differences below -87 it is 1.7e-38. The sum adds to that less than 17 roundings to
  /// float32: each of 64 lanes takes 16 terms, then they are added in twos, twice in float32, four
  /// times in double. @pre size <= kStretch; logit <= max, or NaN
  double (*sum_exp)(const float* logits, std::size_t size, float max);
};

/// The fastest variant that this machine runs.
const Table& best();

/// Every variant that this machine runs, for the tests. @return how many were written to `tables`
int supported(const Table* (&tables)[3]);

}  // namespace lpmc::row_kernels
