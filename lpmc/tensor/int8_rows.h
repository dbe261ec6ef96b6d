#pragma once

#include <cstdint>
#include <span>

#include "lpmc/tensor/tensor.h"

namespace lpmc {

// Symmetric 8-bit quantization by row: value = q * scale, q in [-127, 127]. A weight's rows are its
// output features, so a matrix product's result is scaled once an output.

/// 2^-100: smaller numbers have no reciprocal that is worth having.
inline constexpr float kLeastOfRow = 0x1p-100F;

/// A matrix of int8 with one scale a row.
struct Int8Rows {
  Tensor values;  ///< int8, the shape of what was quantized
  Tensor scales;  ///< [rows] float32
};

/// scale = max |x| / 127; q = x * (127 / max |x|) rounded to nearest, ties to even. Where max |x| is below
/// kLeastOfRow the row counts as zeros, of scale 1.
/// @param q as long as x   @return the scale
/// @throws Error(invalid_argument) when an element is NaN or infinite
float quantize_row(std::span<const float> x, std::span<std::int8_t> q);

/// x = scale * (q + zero): a row whose range need not have its middle at 0.
struct ShiftedRow {
  float scale = 1;
  std::int32_t zero = 0;  ///< in [-127, 127]; x = 0 is exact
};

/// For the left-hand sides of products: what GELU gives is nearly all above 0, and symmetric steps would
/// be twice as wide. With low and high the least and the greatest of x and 0: scale = (high - low) / 254;
/// zero = (high + low) / 2, in steps; q = x in steps - zero, in [-127, 127]; all rounded to nearest, ties to
/// even. Where high - low is below kLeastOfRow the row counts as zeros, of scale 1.
/// @param q as long as x
/// @throws Error(invalid_argument) when high - low is not finite
ShiftedRow quantize_shifted_row(std::span<const float> x, std::span<std::int8_t> q);

/// Quantizes along the first dimension, in parallel.
/// @param x [rows, ...] float32, f16 or bf16
Int8Rows quantize_rows(ConstTensorView x);

/// out = values * scales.
/// @param values [rows, ...] int8   @param scales [rows] float32   @param out as values, float32
/// @throws Error(invalid_argument) on other shapes or types
void dequantize_rows(ConstTensorView values, ConstTensorView scales, TensorView out);

}  // namespace lpmc
