#pragma once

// Private to ops: weights rearranged for matrix products.

#include <cstdint>
#include <span>

#include "lpmc/tensor/tensor.h"

namespace lpmc {

/// The output features of a layer are cut into slices, the units of parallel work. Within a slice
/// the weights lie as the right-hand side of a product, [depth, slice width], dense. The cut depends
/// on the layer alone, never on the number of threads.
class SliceLayout {
 public:
  SliceLayout() = default;
  explicit SliceLayout(std::int64_t out_features);

  std::int64_t slices() const { return (out_features_ + width_ - 1) / width_; }
  std::int64_t first(std::int64_t slice) const { return slice * width_; }
  std::int64_t width(std::int64_t slice) const;
  std::int64_t slice_of(std::int64_t feature) const { return feature / width_; }

 private:
  std::int64_t out_features_ = 0;
  std::int64_t width_ = 1;
};

/// Rows of a product that one unit of parallel work takes: few enough to stay in the second-level
/// cache, many enough to use a slice of weights well.
inline constexpr std::int64_t kRowBlock = 128;

/// Memory for packed weights, asking for large pages where that pays.
Tensor packed_buffer(std::int64_t elements);

/// Element (row, column) of `source` (float32, f16 or bf16; row-major, `row_stride` elements apart,
/// columns `column_stride` apart).
struct StridedRows {
  ConstTensorView source = {};
  std::int64_t first = 0;  ///< index of element (0, 0)
  std::int64_t row_stride = 0;
  std::int64_t column_stride = 1;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
};

/// target[column * target_stride + row] = source(row, column), as float32.
void pack_transposed(const StridedRows& source, float* target, std::int64_t target_stride);

/// `bias` as float32; zeros where the view is null.
/// @throws Error(invalid_argument) when it is not [out_features]
void copy_bias(ConstTensorView bias, std::span<float> target);

}  // namespace lpmc
