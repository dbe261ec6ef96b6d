#include "lpmc/ops/ops.h"

#include <algorithm>

#include "lpmc/base/threads.h"
#include "lpmc/ops/kernels.h"
#include "lpmc/ops/shape_checks.h"

namespace lpmc {
namespace {

/// Elements one index of a parallel loop works on: some ten microseconds of work, whatever the
/// number of threads.
constexpr std::int64_t kBlock = 4096;

struct RowBlocks {
  std::int64_t rows = 0;
  std::int64_t size = 0;       ///< elements of a row
  std::int64_t per_block = 1;  ///< rows

  std::int64_t blocks() const { return (rows + per_block - 1) / per_block; }
};

RowBlocks blocks_of_rows(std::string_view op, ConstTensorView x) {
  LPMC_REQUIRE(x.shape().rank() >= 1, invalid_argument, "{}: x: expected at least one dimension, found {}",
               op, to_string(x.shape()));
  RowBlocks blocks;
  blocks.size = x.size(x.shape().rank() - 1);
  blocks.rows = blocks.size == 0 ? 0 : x.elements() / blocks.size;
  blocks.per_block = std::max<std::int64_t>(1, kBlock / std::max<std::int64_t>(1, blocks.size));
  return blocks;
}

template <class Body>
void for_rows(const RowBlocks& blocks, Body&& body) {
  parallel_for(blocks.blocks(), [&](std::int64_t block) {
    const std::int64_t end = std::min(blocks.rows, (block + 1) * blocks.per_block);
    for (std::int64_t row = block * blocks.per_block; row < end; ++row)
      body(row);
  });
}

template <class Body>
void for_element_blocks(std::int64_t elements, Body&& body) {
  parallel_for((elements + kBlock - 1) / kBlock, [&](std::int64_t block) {
    const std::int64_t begin = block * kBlock;
    body(begin, std::min(elements - begin, kBlock));
  });
}

void check_embedding(std::string_view op, ConstTensorView table, std::span<const std::int32_t> rows,
                     TensorView y) {
  require_rank(op, "table", table, 2);
  require_tensor(op, "y", y, {static_cast<std::int64_t>(rows.size()), table.size(1)});
  for (const std::int32_t row : rows) {
    LPMC_REQUIRE(row >= 0 && row < table.size(0), invalid_argument, "{}: row: expected 0 to {}, found {}", op,
                 table.size(0) - 1, row);
  }
}

}  // namespace

void layer_norm(ConstTensorView x, ConstTensorView weight, ConstTensorView bias, float epsilon,
                TensorView y) {
  const RowBlocks blocks = blocks_of_rows("layer_norm", x);
  require_tensor("layer_norm", "x", x, x.shape());
  require_tensor("layer_norm", "weight", weight, {blocks.size});
  require_tensor("layer_norm", "bias", bias, {blocks.size});
  require_tensor("layer_norm", "y", y, x.shape());
  const kernels::Table& kernel = kernels::best();
  for_rows(blocks, [&](std::int64_t row) {
    kernel.layer_norm({.x = x.data<float>() + row * blocks.size,
                       .weight = weight.data<float>(),
                       .bias = bias.data<float>(),
                       .y = y.mutable_data<float>() + row * blocks.size,
                       .size = blocks.size,
                       .epsilon = epsilon});
  });
}

void gelu(ConstTensorView x, TensorView y) {
  require_tensor("gelu", "x", x, x.shape());
  require_tensor("gelu", "y", y, x.shape());
  const kernels::Table& kernel = kernels::best();
  for_element_blocks(x.elements(), [&](std::int64_t begin, std::int64_t size) {
    kernel.gelu(x.data<float>() + begin, y.mutable_data<float>() + begin, size);
  });
}

void softmax(ConstTensorView x, TensorView y) {
  const RowBlocks blocks = blocks_of_rows("softmax", x);
  require_tensor("softmax", "x", x, x.shape());
  require_tensor("softmax", "y", y, x.shape());
  const kernels::Table& kernel = kernels::best();
  for_rows(blocks, [&](std::int64_t row) {
    kernel.softmax(x.data<float>() + row * blocks.size, y.mutable_data<float>() + row * blocks.size,
                   blocks.size);
  });
}

void add(ConstTensorView a, ConstTensorView b, TensorView y) {
  require_tensor("add", "a", a, a.shape());
  require_tensor("add", "b", b, a.shape());
  require_tensor("add", "y", y, a.shape());
  const kernels::Table& kernel = kernels::best();
  for_element_blocks(a.elements(), [&](std::int64_t begin, std::int64_t size) {
    kernel.add(a.data<float>() + begin, b.data<float>() + begin, y.mutable_data<float>() + begin, size);
  });
}

void transpose(ConstTensorView x, TensorView y) {
  require_rank("transpose", "x", x, 3);
  const std::int64_t rows = x.size(1);
  const std::int64_t columns = x.size(2);
  require_tensor("transpose", "y", y, {x.size(0), columns, rows});
  constexpr std::int64_t kTile = 32;
  const std::int64_t bands = (columns + kTile - 1) / kTile;
  parallel_for(x.size(0) * bands, [&](std::int64_t index) {
    const float* source = x.data<float>() + (index / bands) * rows * columns;
    float* target = y.mutable_data<float>() + (index / bands) * rows * columns;
    const std::int64_t first = (index % bands) * kTile;
    const std::int64_t last = std::min(columns, first + kTile);
    for (std::int64_t tile = 0; tile < rows; tile += kTile) {
      const std::int64_t tile_end = std::min(rows, tile + kTile);
      for (std::int64_t column = first; column < last; ++column) {
        for (std::int64_t row = tile; row < tile_end; ++row) {
          target[column * rows + row] = source[row * columns + column];
        }
      }
    }
  });
}

void embedding(ConstTensorView table, std::span<const std::int32_t> rows, TensorView y) {
  check_embedding("embedding", table, rows, y);
  const std::int64_t size = table.size(1);
  const float* source = table.data<float>();
  float* target = y.mutable_data<float>();
  for (const std::int32_t row : rows)
    target = std::copy_n(source + row * size, size, target);
}

void add_embedding(ConstTensorView table, std::span<const std::int32_t> rows, TensorView y) {
  check_embedding("add_embedding", table, rows, y);
  const std::int64_t size = table.size(1);
  const float* source = table.data<float>();
  float* target = y.mutable_data<float>();
  const kernels::Table& kernel = kernels::best();
  for (const std::int32_t row : rows) {
    kernel.add(target, source + row * size, target, size);
    target += size;
  }
}

}  // namespace lpmc
