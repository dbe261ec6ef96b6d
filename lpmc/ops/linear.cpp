#include "lpmc/ops/linear.h"

#include <algorithm>
#include <array>

#include "lpmc/base/threads.h"
#include "lpmc/ops/gemm.h"
#include "lpmc/ops/kernels.h"
#include "lpmc/ops/shape_checks.h"

namespace lpmc {

PackedLinear::PackedLinear(ConstTensorView weight, ConstTensorView bias, DType arithmetic)
    : PackedLinear(std::array{LinearPart{weight, bias}}, arithmetic) {}

PackedLinear::PackedLinear(std::span<const LinearPart> parts, DType arithmetic) {
  LPMC_REQUIRE(arithmetic == DType::f32, unsupported, "linear: arithmetic: expected float32, found {}",
               to_string(arithmetic));
  LPMC_REQUIRE(!parts.empty(), invalid_argument, "linear: expected at least one weight, found none");
  for (const LinearPart& part : parts) {
    require_weight_type("linear", part.weight);
    const Shape& shape = part.weight.shape();
    LPMC_REQUIRE(shape.rank() == 2 && shape[1] > 0, invalid_argument,
                 "linear: weight: expected [out, in], found {}", to_string(shape));
    LPMC_REQUIRE(shape[1] == parts[0].weight.size(1), invalid_argument,
                 "linear: weight: expected {} inputs, found {}", parts[0].weight.size(1), shape[1]);
    out_features_ += shape[0];
  }
  in_features_ = parts[0].weight.size(1);
  layout_ = SliceLayout(out_features_);
  weights_ = packed_buffer(out_features_ * in_features_);
  bias_ = Tensor({out_features_});
  std::int64_t first = 0;  // feature of the stack that is the part's feature 0
  for (const LinearPart& part : parts) {
    const std::int64_t features = part.weight.size(0);
    if (features == 0) continue;
    copy_bias(part.bias, bias_.mutable_values<float>().subspan(static_cast<std::size_t>(first),
                                                               static_cast<std::size_t>(features)));
    const std::int64_t first_slice = layout_.slice_of(first);
    parallel_for(layout_.slice_of(first + features - 1) - first_slice + 1, [&](std::int64_t index) {
      const std::int64_t slice = first_slice + index;
      const std::int64_t begin = std::max(first, layout_.first(slice));
      const std::int64_t end = std::min(first + features, layout_.first(slice) + layout_.width(slice));
      float* target = weights_.mutable_data<float>() + layout_.first(slice) * in_features_;
      pack_transposed({.source = part.weight,
                       .first = (begin - first) * in_features_,
                       .row_stride = in_features_,
                       .rows = end - begin,
                       .columns = in_features_},
                      target + (begin - layout_.first(slice)), layout_.width(slice));
    });
    first += features;
  }
}

std::size_t PackedLinear::size_bytes() const {
  return weights_.view().size_bytes() + bias_.view().size_bytes();
}

void PackedLinear::forward(ConstTensorView x, TensorView y, const LinearEpilogue& epilogue) const {
  require_rank("linear", "x", x, 2);
  const std::int64_t rows = x.size(0);
  require_tensor("linear", "x", x, {rows, in_features_});
  require_tensor("linear", "y", y, {rows, out_features_});
  if (!epilogue.residual.is_null()) require_tensor("linear", "residual", epilogue.residual, y.shape());
  LPMC_REQUIRE(rows == 0 || (y.bytes() != x.bytes() && y.bytes() != epilogue.residual.bytes()),
               invalid_argument, "linear: y: expected memory apart from x and residual");
  const kernels::Table& kernel = kernels::best();
  const std::int64_t slices = layout_.slices();
  const std::int64_t row_blocks = (rows + kRowBlock - 1) / kRowBlock;
  // Row blocks innermost: neighbours in time share a slice of weights.
  parallel_for(slices * row_blocks, [&](std::int64_t index) {
    const std::int64_t slice = index / row_blocks;
    const std::int64_t row = index % row_blocks * kRowBlock;
    const std::int64_t column = layout_.first(slice);
    const std::int64_t count = std::min(kRowBlock, rows - row);
    float* out = y.mutable_data<float>() + row * out_features_ + column;
    gemm({.rows = count,
          .columns = layout_.width(slice),
          .depth = in_features_,
          .a = x.data<float>() + row * in_features_,
          .a_stride = in_features_,
          .b = weights_.data<float>() + column * in_features_,
          .c = out,
          .c_stride = out_features_});
    const float* residual = epilogue.residual.is_null()
                                ? nullptr
                                : epilogue.residual.data<float>() + row * out_features_ + column;
    kernel.finish_rows({.y = out,
                        .y_stride = out_features_,
                        .rows = count,
                        .columns = layout_.width(slice),
                        .bias = bias_.data<float>() + column,
                        .residual = residual,
                        .residual_stride = out_features_,
                        .gelu = epilogue.gelu});
  });
}

void PackedLinear::copy_weight_rows(std::span<const std::int32_t> rows, TensorView y) const {
  require_tensor("linear rows", "y", y, {static_cast<std::int64_t>(rows.size()), in_features_});
  for (const std::int32_t row : rows) {
    LPMC_REQUIRE(row >= 0 && row < out_features_, invalid_argument,
                 "linear rows: row: expected 0 to {}, found {}", out_features_ - 1, row);
  }
  parallel_for(static_cast<std::int64_t>(rows.size()), [&](std::int64_t index) {
    const std::int64_t feature = rows[static_cast<std::size_t>(index)];
    const std::int64_t slice = layout_.slice_of(feature);
    const std::int64_t width = layout_.width(slice);
    const float* source =
        weights_.data<float>() + layout_.first(slice) * in_features_ + (feature - layout_.first(slice));
    float* target = y.mutable_data<float>() + index * in_features_;
    for (std::int64_t i = 0; i < in_features_; ++i)
      target[i] = source[i * width];
  });
}

}  // namespace lpmc
