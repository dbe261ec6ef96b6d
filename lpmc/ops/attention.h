#pragma once

#include <cstdint>
#include <span>

#include "lpmc/tensor/tensor.h"

namespace lpmc {

// Scaled dot-product attention without a mask: for each query row and head,
// softmax(q k^T / sqrt(head_dim)) v. Heads are contiguous blocks of d / heads channels. The keys a row
// may look at are those it is given. A row's result does not depend on other rows.

/// Keys and values of one query row: `count` (at least 1) rows of d floats, `stride` floats apart.
/// Rows may share them.
struct ContiguousKeyValues {
  const float* keys = nullptr;
  const float* values = nullptr;
  std::int64_t count = 0;
  std::int64_t stride = 0;
};

/// @param queries [rows, n], n >= d: the first d columns are the queries, so that they may stand in a
/// stacked product
/// @param key_values one entry a row   @param out [rows, d]
/// @throws Error(invalid_argument) on other shapes, d that is no multiple of heads, or no keys
void attention(ConstTensorView queries, std::span<const ContiguousKeyValues> key_values, int heads,
               TensorView out);

/// Keys and values of one query row, scattered: `count` (at least 1) places in memory.
struct ScatteredKeyValues {
  const float* const* places = nullptr;
  std::int64_t count = 0;
};

/// Where, counted in floats from a place, its key and its value (d floats each) lie.
struct KeyValueOffsets {
  std::int64_t key = 0;
  std::int64_t value = 0;
};

/// As above, over scattered keys and values.
void attention(ConstTensorView queries, std::span<const ScatteredKeyValues> key_values,
               KeyValueOffsets offsets, int heads, TensorView out);

}  // namespace lpmc
