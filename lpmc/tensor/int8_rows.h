#pragma once

#include <cstdint>
#include <span>

#include "lpmc/tensor/tensor.h"

namespace lpmc {

// Symmetric 8-bit quantization by row: value = q * scale, q in [-127, 127]. A weight's rows are its
// output features, so a matrix product's result is scaled once an output.

/// A matrix of int8 with one scale a row.
struct Int8Rows {
  Tensor values;  ///< int8, the shape of what was quantized
  Tensor scales;  ///< [rows] float32
};

/// scale = max |x| / 127 (1 for a row of zeros); q = x / scale rounded to nearest, ties to even.
/// @param q as long as x   @return the scale
/// @throws Error(invalid_argument) when an element is NaN or infinite
float quantize_row(std::span<const float> x, std::span<std::int8_t> q);

/// Quantizes along the first dimension, in parallel.
/// @param x [rows, ...] float32, f16 or bf16
Int8Rows quantize_rows(ConstTensorView x);

/// out = values * scales.
/// @param values [rows, ...] int8   @param scales [rows] float32   @param out as values, float32
/// @throws Error(invalid_argument) on other shapes or types
void dequantize_rows(ConstTensorView values, ConstTensorView scales, TensorView out);

}  // namespace lpmc
