#pragma once

#include <cstddef>
#include <cstdint>

#include "lpmc/ops/linear.h"
#include "lpmc/ops/packed_weights.h"
#include "lpmc/tensor/tensor.h"

namespace lpmc {

/// Convolution along time, kernel 3, zero padding 1, with weights packed once. Positions
/// are rows: activations are [batch, length, channels], so that a stack of convolutions and what
/// follows it need no transposes. Immutable after construction; the weights given may go away.
class PackedConv1d {
 public:
  static constexpr std::int64_t kTaps = 3;

  PackedConv1d() = default;
  /// @param part weight [out, in, 3] (cross-correlation, as torch.nn.Conv1d), bias and scale, with
  /// the types that LinearPart allows
  /// @param stride 1 or 2   @param arithmetic as PackedLinear; i8 quantizes each output position's
  /// whole input window (3 taps) with one scale
  PackedConv1d(const LinearPart& part, std::int64_t stride, DType arithmetic = DType::f32);

  std::int64_t in_channels() const { return matrix_.depth() / kTaps; }
  std::int64_t out_channels() const { return matrix_.columns(); }
  std::size_t size_bytes() const { return matrix_.size_bytes(); }
  /// ceil(length / stride)
  std::int64_t out_length(std::int64_t length) const { return (length + stride_ - 1) / stride_; }

  /// @param x [batch, length, in]   @param y [batch, out_length(length), out], must not overlap x
  /// @param gelu applies the exact GELU to the result
  /// @throws Error(invalid_argument) on other shapes
  void forward(ConstTensorView x, TensorView y, bool gelu) const;

 private:
  void forward_float(ConstTensorView x, TensorView y, bool gelu) const;
  void forward_converted(ConstTensorView x, TensorView y, bool gelu) const;

  std::int64_t stride_ = 1;
  PackedMatrix matrix_;  // depth: [3 taps, in]
};

}  // namespace lpmc
