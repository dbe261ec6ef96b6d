#pragma once

// Private to ops: the inner loops, compiled once for each instruction set and chosen at run time.
// kernels.cpp includes nothing but this header and kernel_math.h, so that no inline function of a
// library is compiled for an instruction set that the machine may lack and then picked by the linker
// for everybody.

#include <cstdint>

namespace lpmc::kernels {

/// What follows a matrix product on rows of y: + bias, then GELU, then + residual.
struct FinishRows {
  float* y = nullptr;
  std::int64_t y_stride = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  const float* bias = nullptr;      ///< [columns], or nullptr
  const float* residual = nullptr;  ///< as y, or nullptr
  std::int64_t residual_stride = 0;
  bool gelu = false;
};

/// Sums of an int8 product, which stand in y as int32, to floats: y = float(sum - offset * row_sum) *
/// (row_scale * column_scale).
struct ScaleRows {
  float* y = nullptr;
  std::int64_t y_stride = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  const float* row_scales = nullptr;       ///< [rows]
  const std::int32_t* row_sums = nullptr;  ///< [rows], of the quantized left-hand side
  const float* column_scales = nullptr;    ///< [columns]
  std::int32_t offset = 0;
};

/// A row of floats as int8.
struct QuantizedRow {
  float scale = 0;  ///< NaN where the row holds NaN or infinity: its outputs become NaN
  std::int32_t sum = 0;
};

struct LayerNormRow {
  const float* x = nullptr;
  const float* weight = nullptr;
  const float* bias = nullptr;
  float* y = nullptr;  ///< may be x
  std::int64_t size = 0;
  float epsilon = 0;
};

struct Table {
  const char* name;
  void (*finish_rows)(const FinishRows&);
  void (*scale_rows)(const ScaleRows&);
  /// q = x / scale to nearest, ties to even; scale = max |x| / 127, 1 for zeros (tensor/int8_rows.h).
  QuantizedRow (*quantize_row)(const float* x, signed char* q, std::int64_t size);
  /// To nearest, ties to even; NaN stays NaN.
  void (*to_bfloat16)(const float* x, unsigned short* y, std::int64_t size);
  void (*add)(const float* a, const float* b, float* y, std::int64_t size);
  void (*gelu)(const float* x, float* y, std::int64_t size);
  void (*softmax)(const float* x, float* y, std::int64_t size);
  void (*layer_norm)(const LayerNormRow&);
};

/// The fastest variant that this machine runs.
const Table& best();

/// Every variant that this machine runs, for the tests. @return how many were written to `tables`
int supported(const Table* (&tables)[3]);

}  // namespace lpmc::kernels
