#include "lpmc/inference/engine.h"

#include <array>

#include "lpmc/base/cpu.h"

namespace lpmc {

std::span<const DType> arithmetics_by_speed() {
  // A step reads every weight once, so the narrower ones win wherever a few instructions widen them.
  static constexpr std::array kVectors = {DType::i8, DType::bf16, DType::f32};
  // Plain loops pay for rounding and widening what they do not wait for.
  static constexpr std::array kPortable = {DType::f32, DType::i8, DType::bf16};
  if (cpu_features().avx2) return kVectors;
  return kPortable;
}

}  // namespace lpmc
