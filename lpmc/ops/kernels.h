#pragma once

// Private to ops: the inner loops, compiled once for each instruction set and chosen at run time.
// kernels.cpp includes nothing but this header, so that no inline function of a library is compiled
// for an instruction set that the machine may lack and then picked by the linker for everybody.

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

struct LayerNormRow {
  const float* x = nullptr;
  const float* weight = nullptr;
  const float* bias = nullptr;
  float* y = nullptr;  ///< may be x
  std::int64_t size = 0;
  float epsilon = 0;
};

/// One head of one query.
struct Head {
  const float* query = nullptr;  ///< [size]
  std::int64_t size = 0;
  float scale = 0;
  std::int64_t keys = 0;    ///< at least 1
  float* scores = nullptr;  ///< [keys], scratch
  float* out = nullptr;     ///< [size]
};

/// Key j at keys + j * stride.
struct ContiguousKeys {
  const float* keys = nullptr;
  const float* values = nullptr;
  std::int64_t stride = 0;
};

/// Key j at rows[j] + key_offset.
struct GatheredKeys {
  const float* const* rows = nullptr;
  std::int64_t key_offset = 0;
  std::int64_t value_offset = 0;
};

struct Table {
  const char* name;
  void (*finish_rows)(const FinishRows&);
  void (*add)(const float* a, const float* b, float* y, std::int64_t size);
  void (*gelu)(const float* x, float* y, std::int64_t size);
  void (*softmax)(const float* x, float* y, std::int64_t size);
  void (*layer_norm)(const LayerNormRow&);
  void (*attend_contiguous)(const Head&, const ContiguousKeys&);
  void (*attend_gathered)(const Head&, const GatheredKeys&);
};

/// The fastest variant that this machine runs.
const Table& best();

/// Every variant that this machine runs, for the tests. @return how many were written to `tables`
int supported(const Table* (&tables)[3]);

}  // namespace lpmc::kernels
