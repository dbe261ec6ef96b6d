#pragma once

// Private to ops: the inner loops, compiled once for each instruction set and chosen at run time.
// kernels.cpp includes nothing but this header and kernel_math.h, so that no inline function of a
// library is compiled for an instruction set that the machine may lack and then picked by the linker
// for everybody.

#include <cstddef>
#include <cstdint>

namespace lpmc::kernels {

/// What follows a matrix product: sums to results. Of int8 sums first float(sum - offset * row_sum + zero *
/// column_sum) * (row_scale * column_scale); then + bias, then GELU, then + residual.
struct FinishRows {
  float* sums = nullptr;  ///< [rows, sums_stride], written over; int32 where row_scales is given
  std::int64_t sums_stride = 0;
  float* y = nullptr;
  std::int64_t y_stride = 0;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  const float* row_scales = nullptr;          ///< [rows], or nullptr: sums are floats
  const std::int32_t* row_sums = nullptr;     ///< [rows], of the quantized left-hand side
  const std::int32_t* zeros = nullptr;        ///< [rows], of the left-hand side (ShiftedRow)
  const float* column_scales = nullptr;       ///< [columns]
  const std::int32_t* column_sums = nullptr;  ///< [columns], of the quantized weights
  std::int32_t offset = 0;
  const float* bias = nullptr;      ///< [columns]
  const float* residual = nullptr;  ///< laid out as y, or nullptr
  bool gelu = false;
};

/// A row of floats as int8 (ShiftedRow of tensor/int8_rows.h).
struct QuantizedRow {
  float scale = 1;  ///< NaN where the row holds NaN or infinity: its outputs become NaN
  std::int32_t zero = 0;
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
  /// As quantize_shifted_row of tensor/int8_rows.h, and NaN for NaN.
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
