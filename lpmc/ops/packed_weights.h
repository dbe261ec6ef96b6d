#pragma once

// Private to ops: weights rearranged for matrix products, and the products.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "lpmc/tensor/tensor.h"

namespace lpmc {

/// `bias` as float32; zeros where the view is null.
/// @throws Error(invalid_argument) when it is not [out_features]
void copy_bias(ConstTensorView bias, std::span<float> target);

/// Rows of a left-hand side, in the arithmetic's type, and where their results go.
struct ProductRows {
  const std::byte* values = nullptr;
  std::int64_t stride = 0;  ///< bytes
  std::int64_t rows = 0;
  const float* scales = nullptr;        ///< int8: [rows]
  const std::int32_t* sums = nullptr;   ///< int8: [rows]
  const std::int32_t* zeros = nullptr;  ///< int8: [rows]
  float* y = nullptr;
  std::int64_t y_stride = 0;        ///< floats
  const float* residual = nullptr;  ///< laid out as y, or nullptr
};

/// A left-hand side turned into the arithmetic's type; memory kept from product to product.
class ConvertedRows {
 public:
  /// @param row_of gives row i, `depth` floats; it may use `scratch` (depth floats) to make it
  using RowOf = std::function<const float*(std::int64_t i, float* scratch)>;
  void convert(DType arithmetic, std::int64_t rows, std::int64_t depth, const RowOf& row_of);

  /// The converted rows with where to put their results.
  ProductRows rows(float* y, std::int64_t y_stride, const float* residual) const;

 private:
  std::int64_t rows_ = 0;
  std::int64_t stride_ = 0;
  Tensor values_;  // bytes
  Tensor scales_;
  Tensor sums_;
  Tensor zeros_;
};

/// The weight of a product, [columns of y, depth], packed in panels (product_kernels.h).
class PackedMatrix {
 public:
  PackedMatrix() = default;
  /// Columns are filled by pack().
  /// @throws Error(invalid_argument) when `arithmetic` is none of f32, bf16, i8
  PackedMatrix(std::int64_t columns, std::int64_t depth, DType arithmetic);

  /// Weights of the columns from `first_column` on.
  struct Source {
    ConstTensorView weight;  ///< [columns, depth in some order] float32, f16, bf16 or int8
    ConstTensorView scale;   ///< [columns] where it is int8
    ConstTensorView bias;    ///< [columns], or null
    /// The depth is [inner, taps] in the source and becomes [taps, inner].
    std::int64_t taps = 1;
  };
  /// Panels that only these columns fill are done in parallel. Columns must come in order.
  void pack(std::int64_t first_column, const Source& source);

  DType arithmetic() const { return arithmetic_; }
  std::int64_t columns() const { return columns_; }
  std::int64_t depth() const { return depth_; }
  std::size_t size_bytes() const;

  /// y = rows * weight^T + bias, then GELU, then + residual, for each of the runs.
  void multiply(std::span<const ProductRows> runs, bool gelu) const;

  /// The weights of a column as floats: target[depth].
  void copy_column(std::int64_t column, float* target) const;

 private:
  struct Unit;
  void multiply_unit(const Unit& unit, bool gelu) const;
  std::int64_t panels() const;
  std::int64_t panel_bytes() const;
  void pack_panel(std::int64_t panel, std::int64_t first_column, const Source& source);

  DType arithmetic_ = DType::f32;
  std::int64_t columns_ = 0;
  std::int64_t depth_ = 0;
  std::int64_t groups_ = 0;             // of 4 bytes, padded
  std::shared_ptr<std::byte> weights_;  // [panels][groups][16][4 bytes]; held by this matrix alone
  Tensor bias_;                         // [panels * 16]
  Tensor scales_;                       // [panels * 16], int8 only
  Tensor column_sums_;                  // [panels * 16], int8 only
};

}  // namespace lpmc
