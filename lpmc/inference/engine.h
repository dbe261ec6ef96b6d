#pragma once

#include <span>

#include "lpmc/tensor/dtype.h"

namespace lpmc {

/// The arithmetics of matrix products that encoders and decoder run here, the fastest first: f32, bf16
/// and i8 in an order that the instruction set decides.
std::span<const DType> arithmetics_by_speed();

}  // namespace lpmc
