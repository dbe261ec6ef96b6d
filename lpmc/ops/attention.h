#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "lpmc/tensor/tensor.h"

namespace lpmc {

// Scaled dot-product attention without a mask: for each query row and head,
// softmax(q k^T / sqrt(head_dim)) v. Heads are contiguous blocks of d / heads channels. The keys a row
// may look at are those it is given. Keys and values are float32 or bfloat16; queries, sums, the softmax
// and the output are float32. A row's result does not depend on other rows.

/// What all rows have in common.
struct AttentionSetup {
  int heads = 1;
  DType key_values = DType::f32;  ///< or bf16
};

/// Keys and values of one query row: `count` (at least 1) rows of d elements, `stride` elements apart.
/// Rows may share them; neighbours that do read them together.
struct ContiguousKeyValues {
  const std::byte* keys = nullptr;
  const std::byte* values = nullptr;
  std::int64_t count = 0;
  std::int64_t stride = 0;
};

/// @param queries [rows, n], n >= d: the first d columns are the queries, so that they may stand in a
/// stacked product
/// @param key_values one entry a row   @param out [rows, d]
/// @throws Error(invalid_argument) on other shapes or types, d that is no multiple of heads, or no keys
void attention(ConstTensorView queries, std::span<const ContiguousKeyValues> key_values,
               const AttentionSetup& setup, TensorView out);

/// Where the keys and values of a row's tokens lie, from its first to its newest: `count` (at least 1)
/// places in memory. Rows are paths through a tree: those with a common beginning share its places, and the
/// newest place is a row's own. Shared places of neighbours are read together.
struct PastKeyValues {
  std::byte* const* places = nullptr;
  std::int64_t count = 0;
};

/// One step of causal self-attention: rounds each row's own key and value into its newest place, then
/// attends to all its places.
/// @param query_key_value [rows, 3 d]
/// @param past one entry a row. The key of a token is d elements, `offset` elements behind its place; the
/// value d more, behind it.
/// @param out [rows, d]
/// @throws Error(invalid_argument) as above
void attention_step(ConstTensorView query_key_value, std::span<const PastKeyValues> past, std::int64_t offset,
                    const AttentionSetup& setup, TensorView out);

/// y = x as it is stored for attention: rounded to nearest, ties to even, where y is bfloat16.
/// @param x float32   @param y float32 or bfloat16, of x's shape
void write_key_values(ConstTensorView x, TensorView y);

}  // namespace lpmc
