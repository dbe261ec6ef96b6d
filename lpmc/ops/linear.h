#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "lpmc/ops/packed_weights.h"
#include "lpmc/tensor/tensor.h"

namespace lpmc {

/// Weights of a linear layer as they are stored: weight [out, in] float32, f16, bf16, or int8 with
/// scale [out] float32 (tensor/int8_rows.h); bias [out], or a null view for none.
struct LinearPart {
  ConstTensorView weight, bias;
  ConstTensorView scale = {};
};

/// What follows the product, in this order: + bias (always), GELU, + residual.
struct LinearEpilogue {
  bool gelu = false;
  ConstTensorView residual = {};  ///< [rows, out], or a null view; must not overlap y
};

/// y = x weight^T + bias with weights packed once, x and y float32. The product is computed in
/// `arithmetic`:
///   f32    float32 throughout
///   bf16   weights and x rounded to bfloat16, float32 sums
///   i8     weights int8 by output feature, x quantized by row at run time, int32 sums
/// Weights stored in another type are converted while they are packed. Immutable after
/// construction; the weights given may go away.
class PackedLinear {
 public:
  PackedLinear() = default;
  PackedLinear(ConstTensorView weight, ConstTensorView bias, DType arithmetic = DType::f32);
  /// Several layers of the same input as one; their outputs stand side by side (query, key, value).
  /// @throws Error(invalid_argument) when their inputs differ in size, there are none, a weight is of
  /// another type, or `arithmetic` is none of the above
  explicit PackedLinear(std::span<const LinearPart> parts, DType arithmetic = DType::f32);

  std::int64_t in_features() const { return matrix_.depth(); }
  std::int64_t out_features() const { return matrix_.columns(); }
  std::size_t size_bytes() const { return matrix_.size_bytes(); }

  /// @param x [rows, in]   @param y [rows, out], must not overlap x
  /// @throws Error(invalid_argument) on other shapes
  void forward(ConstTensorView x, TensorView y, const LinearEpilogue& epilogue = {}) const;

  /// Rows of the weight, as an embedding looks them up: y[i] = weight[rows[i]]. The output layer of
  /// a language model is its token embedding, so one copy serves both.
  /// @param rows in [0, out)   @param y [rows, in]
  void copy_weight_rows(std::span<const std::int32_t> rows, TensorView y) const;

 private:
  PackedMatrix matrix_;
};

}  // namespace lpmc
