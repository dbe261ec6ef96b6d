#include "lpmc/ops/conv1d.h"

#include <algorithm>

#include "lpmc/base/threads.h"
#include "lpmc/ops/gemm.h"
#include "lpmc/ops/kernels.h"
#include "lpmc/ops/shape_checks.h"

namespace lpmc {

/// A unit of work: some positions and channels of one item's output.
struct PackedConv1d::Block {
  std::int64_t length = 0;  ///< of the input
  std::int64_t first = 0;   ///< output positions [first, last)
  std::int64_t last = 0;
  std::int64_t slice = 0;
};

PackedConv1d::PackedConv1d(const LinearPart& part, std::int64_t stride, DType arithmetic) : stride_(stride) {
  const ConstTensorView weight = part.weight, bias = part.bias;
  LPMC_REQUIRE(arithmetic == DType::f32, unsupported, "conv1d: arithmetic: expected float32, found {}",
               to_string(arithmetic));
  require_weight_type("conv1d", weight);
  const Shape& shape = weight.shape();
  LPMC_REQUIRE(shape.rank() == 3 && shape[1] > 0 && shape[2] == kTaps, invalid_argument,
               "conv1d: weight: expected [out, in, {}], found {}", kTaps, to_string(shape));
  LPMC_REQUIRE(stride == 1 || stride == 2, invalid_argument, "conv1d: stride: expected 1 or 2, found {}",
               stride);
  out_channels_ = shape[0];
  in_channels_ = shape[1];
  layout_ = SliceLayout(out_channels_);
  weights_ = packed_buffer(weight.elements());
  bias_ = Tensor({out_channels_});
  copy_bias(bias, bias_.mutable_values<float>());
  parallel_for(layout_.slices() * kTaps, [&](std::int64_t index) {
    const std::int64_t slice = index / kTaps;
    const std::int64_t tap = index % kTaps;
    const std::int64_t width = layout_.width(slice);
    float* target = weights_.mutable_data<float>() + layout_.first(slice) * in_channels_ * kTaps;
    pack_transposed({.source = weight,
                     .first = layout_.first(slice) * in_channels_ * kTaps + tap,
                     .row_stride = in_channels_ * kTaps,
                     .column_stride = kTaps,
                     .rows = width,
                     .columns = in_channels_},
                    target + tap * in_channels_ * width, width);
  });
}

std::size_t PackedConv1d::size_bytes() const {
  return weights_.view().size_bytes() + bias_.view().size_bytes();
}

/// One product a tap: its left-hand side is the input itself, `stride` positions from row to row.
void PackedConv1d::convolve(const Block& block, const float* x, float* y) const {
  const std::int64_t width = layout_.width(block.slice);
  const std::int64_t column = layout_.first(block.slice);
  const float* weights = weights_.data<float>() + column * in_channels_ * kTaps;
  // The middle tap meets the input at every position and goes first; the outer ones add to it where
  // they do not fall into the padding.
  for (const std::int64_t tap : {1, 0, 2}) {
    const std::int64_t shift = tap - 1;
    const std::int64_t first = std::max(block.first, shift < 0 ? std::int64_t{1} : std::int64_t{0});
    // Positions whose input, position * stride + shift, lies before the end: ceil((length - shift) / stride).
    const std::int64_t last = std::min(block.last, (block.length - shift + stride_ - 1) / stride_);
    if (first >= last) continue;
    gemm({.rows = last - first,
          .columns = width,
          .depth = in_channels_,
          .a = x + (first * stride_ + shift) * in_channels_,
          .a_stride = stride_ * in_channels_,
          .b = weights + tap * in_channels_ * width,
          .c = y + first * out_channels_ + column,
          .c_stride = out_channels_,
          .accumulate = tap != 1});
  }
}

void PackedConv1d::forward(ConstTensorView x, TensorView y, bool gelu) const {
  require_rank("conv1d", "x", x, 3);
  const std::int64_t batch = x.size(0);
  const std::int64_t length = x.size(1);
  const std::int64_t out_positions = out_length(length);
  require_tensor("conv1d", "x", x, {batch, length, in_channels_});
  require_tensor("conv1d", "y", y, {batch, out_positions, out_channels_});
  LPMC_REQUIRE(x.elements() == 0 || y.bytes() != x.bytes(), invalid_argument,
               "conv1d: y: expected memory apart from x");
  const kernels::Table& kernel = kernels::best();
  const std::int64_t blocks = (out_positions + kRowBlock - 1) / kRowBlock;
  parallel_for(layout_.slices() * batch * blocks, [&](std::int64_t index) {
    Block block;
    block.length = length;
    block.slice = index / (batch * blocks);
    block.first = index % blocks * kRowBlock;
    block.last = std::min(out_positions, block.first + kRowBlock);
    const std::int64_t item = index / blocks % batch;
    float* out = y.mutable_data<float>() + item * out_positions * out_channels_;
    convolve(block, x.data<float>() + item * length * in_channels_, out);
    const std::int64_t column = layout_.first(block.slice);
    kernel.finish_rows({.y = out + block.first * out_channels_ + column,
                        .y_stride = out_channels_,
                        .rows = block.last - block.first,
                        .columns = layout_.width(block.slice),
                        .bias = bias_.data<float>() + column,
                        .gelu = gelu});
  });
}

}  // namespace lpmc
