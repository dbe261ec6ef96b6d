#pragma once

// Private to ops: the checks every op begins with.

#include <string_view>

#include "lpmc/base/error.h"
#include "lpmc/tensor/tensor.h"

namespace lpmc {

/// "linear: y: expected float32 [5, 768], found float32 [5, 769]"
inline void require_tensor(std::string_view op, std::string_view name, ConstTensorView found,
                           const Shape& expected) {
  LPMC_REQUIRE(found.dtype() == DType::f32 && found.shape() == expected, invalid_argument,
               "{}: {}: expected float32 {}, found {} {}", op, name, to_string(expected),
               to_string(found.dtype()), to_string(found.shape()));
}

inline void require_rank(std::string_view op, std::string_view name, ConstTensorView found,
                         std::size_t rank) {
  LPMC_REQUIRE(found.dtype() == DType::f32 && found.shape().rank() == rank, invalid_argument,
               "{}: {}: expected float32 of rank {}, found {} {}", op, name, rank, to_string(found.dtype()),
               to_string(found.shape()));
}

/// Weights may be stored in 16 bits.
inline void require_weight_type(std::string_view op, ConstTensorView weight) {
  const DType dtype = weight.dtype();
  LPMC_REQUIRE(dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16, invalid_argument,
               "{}: weight: expected float32, float16 or bfloat16, found {}", op, to_string(dtype));
}

}  // namespace lpmc
