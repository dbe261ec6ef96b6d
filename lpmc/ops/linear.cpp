#include "lpmc/ops/linear.h"

#include <array>

#include "lpmc/base/threads.h"
#include "lpmc/ops/shape_checks.h"

namespace lpmc {

PackedLinear::PackedLinear(ConstTensorView weight, ConstTensorView bias, DType arithmetic)
    : PackedLinear(std::array{LinearPart{weight, bias}}, arithmetic) {}

PackedLinear::PackedLinear(std::span<const LinearPart> parts, DType arithmetic) {
  LPMC_REQUIRE(!parts.empty(), invalid_argument, "linear: expected at least one weight, found none");
  std::int64_t out_features = 0;
  for (const LinearPart& part : parts) {
    const Shape& shape = part.weight.shape();
    LPMC_REQUIRE(shape.rank() == 2 && shape[1] > 0, invalid_argument,
                 "linear: weight: expected [out, in], found {}", to_string(shape));
    LPMC_REQUIRE(shape[1] == parts[0].weight.size(1), invalid_argument,
                 "linear: weight: expected {} inputs, found {}", parts[0].weight.size(1), shape[1]);
    out_features += shape[0];
  }
  matrix_ = PackedMatrix(out_features, parts[0].weight.size(1), arithmetic);
  std::int64_t first = 0;  // feature of the stack that is the part's feature 0
  for (const LinearPart& part : parts) {
    matrix_.pack(first, {.weight = part.weight, .scale = part.scale, .bias = part.bias});
    first += part.weight.size(0);
  }
}

void PackedLinear::forward(ConstTensorView x, TensorView y, const LinearEpilogue& epilogue) const {
  require_rank("linear", "x", x, 2);
  const std::int64_t rows = x.size(0);
  const std::int64_t depth = in_features();
  require_tensor("linear", "x", x, {rows, depth});
  require_tensor("linear", "y", y, {rows, out_features()});
  if (!epilogue.residual.is_null()) require_tensor("linear", "residual", epilogue.residual, y.shape());
  LPMC_REQUIRE(rows == 0 || (y.bytes() != x.bytes() && y.bytes() != epilogue.residual.bytes()),
               invalid_argument, "linear: y: expected memory apart from x and residual");
  if (rows == 0) return;
  const float* residual = epilogue.residual.is_null() ? nullptr : epilogue.residual.data<float>();
  if (matrix_.arithmetic() == DType::f32) {
    const ProductRows run{.values = x.bytes(),
                          .stride = depth * static_cast<std::int64_t>(sizeof(float)),
                          .rows = rows,
                          .y = y.mutable_data<float>(),
                          .y_stride = out_features(),
                          .residual = residual};
    matrix_.multiply({&run, 1}, epilogue.gelu);
    return;
  }
  static thread_local ConvertedRows converted;
  const float* first = x.data<float>();
  converted.convert(matrix_.arithmetic(), rows, depth,
                    [&](std::int64_t row, float* /*scratch*/) { return first + row * depth; });
  const ProductRows run = converted.rows(y.mutable_data<float>(), out_features(), residual);
  matrix_.multiply({&run, 1}, epilogue.gelu);
}

void PackedLinear::copy_weight_rows(std::span<const std::int32_t> rows, TensorView y) const {
  require_tensor("linear rows", "y", y, {static_cast<std::int64_t>(rows.size()), in_features()});
  for (const std::int32_t row : rows) {
    LPMC_REQUIRE(row >= 0 && row < out_features(), invalid_argument,
                 "linear rows: row: expected 0 to {}, found {}", out_features() - 1, row);
  }
  parallel_for(static_cast<std::int64_t>(rows.size()), [&](std::int64_t index) {
    matrix_.copy_column(rows[static_cast<std::size_t>(index)],
                        y.mutable_data<float>() + index * in_features());
  });
}

}  // namespace lpmc
